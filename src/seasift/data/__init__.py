"""Data sets: COCO files, TrashCan, splits, the image cache. No torch."""
