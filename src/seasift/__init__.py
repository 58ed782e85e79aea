"""seasift: instance segmentation of underwater pictures."""

__version__ = "0.1.0"
