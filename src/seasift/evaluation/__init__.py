"""Judging predictions: COCO figures, curves, confusion, report. No torch."""
