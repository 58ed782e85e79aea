"""Sift: YOLACT's prototypes and coefficients with an anchor-free head, made for a laptop's processor."""
