"""Training: recipes (no torch), Lightning module, device-side augmentation, schedules."""
