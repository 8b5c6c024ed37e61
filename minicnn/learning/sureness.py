"""How sure a network is of a picture: to say so where it is unlike all that the network knows.

The mean over the pixels of the largest probability. A training keeps what a fiftieth of its
validation pictures stay below; a picture below that is one of which the network should not be
believed without a look. It is no proof: a network may be sure and wrong, and unsure and right.

Source: D. Hendrycks, K. Gimpel, A Baseline for Detecting Misclassified and Out-of-Distribution
Examples in Neural Networks, ICLR 2017, there for whole pictures.
"""

import numpy as np

from minicnn.labelling.probabilities import softmax

SHARE = 0.02  # of the validation pictures are below the limit
FEWEST = 20  # validation pictures, for a limit


def sureness(scores):
    """float: the mean over the pixels of the largest probability, of scores (K, H, W)."""
    return float(softmax(scores).max(axis=0).mean())


def limit(values):
    """What SHARE of the values stay below; None where there are too few to say."""
    return round(float(np.quantile(values, SHARE)), 4) if len(values) >= FEWEST else None
