"""seasift: instance segmentation of underwater images."""

__version__ = "0.1.0"
