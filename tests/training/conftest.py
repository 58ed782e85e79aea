"""Whole runs in seconds."""

from ..tiny_training import shapes, tiny

__all__ = ["shapes", "tiny"]
