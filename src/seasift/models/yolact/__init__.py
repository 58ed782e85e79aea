"""YOLACT (Bolya et al. 2019, arXiv 1904.02689): real-time instance segmentation from prototypes."""
