"""Networks in PyTorch. Needs the `train` extra."""
