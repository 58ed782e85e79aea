"""Data sets: COCO files, TrashCan, splits, the picture cache. No torch."""
