"""Checkpoint to ONNX with metadata. Needs the `train` extra."""
