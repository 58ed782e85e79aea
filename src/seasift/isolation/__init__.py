"""Decode images and videos of strangers in processes with limits, which are killed and replaced."""
