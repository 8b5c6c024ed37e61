"""Training pictures in other light."""

import numpy as np
import pytest

import minicnn
from minicnn.images.jitter import jitter
from minicnn.images.light import BRIGHTNESS, relight


def picture():
    """Smooth colours, so that what is next to each other stays apart."""
    ramp = np.linspace(30, 220, 40)
    red, green = np.meshgrid(ramp, ramp[::2])
    return np.stack([red, green, np.full((20, 40), 90.0)], axis=2).astype(np.uint8)


def test_no_strength_changes_nothing_and_some_changes_light_not_places():
    image, rng = picture(), np.random.default_rng(0)
    assert np.array_equal(relight(image, rng, 0.0), image)
    labels = np.zeros(image.shape[:2], np.uint8)
    for _ in range(30):
        other, same = jitter(image, labels, rng, flip=False, light=1.0)
        assert other.shape == image.shape and other.dtype == np.uint8 and same is labels
        # red grows to the right and green downwards in any light
        assert (np.diff(other[..., 0].astype(int) + 1, axis=1) >= 0).mean() > 0.99
        assert (np.diff(other[..., 1].astype(int) + 1, axis=0) >= 0).mean() > 0.99


def test_there_is_night_and_fog_and_hardly_a_colour():
    image, rng = picture(), np.random.default_rng(1)
    seen = [relight(image, rng, 1.0).astype(float) for _ in range(400)]
    brightness = np.array([(x @ BRIGHTNESS).mean() for x in seen])
    contrast = np.array([np.ptp(x @ BRIGHTNESS) for x in seen])
    colour = np.array([np.ptp(x, axis=2).mean() for x in seen])
    own = image.astype(float)
    assert 0.08 < np.mean(brightness < 0.55 * (own @ BRIGHTNESS).mean()) < 0.25  # night
    assert np.mean((contrast < 0.8 * np.ptp(own @ BRIGHTNESS)) & (brightness > 110)) > 0.05  # fog
    assert 0.1 < np.mean(colour < 0.3 * np.ptp(own, axis=2).mean()) < 0.35  # hardly a colour
    warm = np.array([x[..., 0].mean() - x[..., 2].mean() for x in seen])
    own_warmth = own[..., 0].mean() - own[..., 2].mean()
    assert np.quantile(warm, 0.9) > own_warmth + 20 and np.quantile(warm, 0.1) < own_warmth - 20


def test_a_training_in_other_light_is_the_same_again_and_another_than_without():
    def losses(**settings):
        size = {"size": (32, 48), "train": 4, "val": 1, "test": 1}
        settings = {"width": 0.1, "validations": 1} | settings
        run = minicnn.train(
            "multi-scale", "scenes", steps=3, settings=settings, data_options=size, quiet=True
        )
        return run.network.state_dict()["classifier.weight"].tolist()

    assert losses(light=1.0) == losses(light=1.0) != losses()


@pytest.mark.parametrize("model, data", [("shallow", "scenes")])
def test_what_looks_at_pictures_once_says_so(model, data):
    with pytest.raises(ValueError, match="light: shallow looks at its pictures as they are"):
        minicnn.train(model, data, steps=1, settings={"light": 0.5}, quiet=True)
