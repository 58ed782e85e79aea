"""Mask R-CNN and Faster R-CNN, assembled from torchvision's parts."""
