"""Where a model meets images: engines, predictors, batches and streams of images, tiles."""
