"""What an ONNX file says of itself, the bundled models, and model cards."""
