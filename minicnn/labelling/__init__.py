"""From scores to labels: superpixels, a graphical model, trees of segments."""
