"""Drawing objects into images."""
