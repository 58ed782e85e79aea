"""Footage: decoding, seeking, orientation, gaps, one clock for a dive, live sources, writing MP4."""
