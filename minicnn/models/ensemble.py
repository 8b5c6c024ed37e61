"""Several networks asked as one: the mean of the probabilities that they give.

Networks that learnt apart are wrong in different places, so their mean is right more often than the
best of them. It costs what all of them cost together.
"""

import numpy as np

from minicnn.labelling.probabilities import softmax

LEAST = 1e-12  # probability whose logarithm is still a number


class Ensemble:
    """A network for pixels made of several that know the same classes; it cannot be trained.

    networks  at least two, each with `predict`; names  what they are called, for people
    Raises ValueError where one cannot be asked for pixels.
    """

    task, learnt_by = "pixels", None

    def __init__(self, networks, names):
        for network, name in zip(networks, names, strict=True):
            if network.task != "pixels":
                raise ValueError(
                    f"{'+'.join(names)}: {name} gives no scores of pixels, so there is no mean of "
                    "it and others"
                )
        self.networks, self.names = tuple(networks), tuple(names)
        self.classes, self.options = networks[0].classes, {}

    def __repr__(self):
        return f"Ensemble({' + '.join(self.names)})"

    def change(self, **options):
        """Nothing of it can be changed: each network is asked as it was trained."""
        if options:
            raise ValueError(
                f"{next(iter(options))}: of {' + '.join(self.names)} no option can be changed"
            )
        return self

    def predict(self, image):
        """The logarithms of the mean probabilities, float32 (classes, H, W), of one picture, uint8
        (H, W, 3)."""
        total = sum(softmax(network.predict(image)) for network in self.networks)
        return np.log(np.maximum(total / len(self.networks), LEAST)).astype(np.float32)

    def predict_with_features(self, image):
        """The same, and None in the place of maps, of which each network has its own."""
        return self.predict(image), None
