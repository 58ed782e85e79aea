"""Values and steps that every other room shares. NumPy, OpenCV and hotcoco's RLE only."""
