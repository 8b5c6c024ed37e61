"""minicnn: convolutional networks for image segmentation, written from scratch to be read."""
