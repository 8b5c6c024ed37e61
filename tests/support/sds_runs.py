"""A tiny `sds`, trained in seconds."""

import minicnn

SMALL = {"width": 0.05, "size": 33, "regions": 16, "test_regions": 16, "batch": 8, "validations": 1}
SMALL |= {"warm_up": 0, "lr": 0.01}


def tiny_sds(data, folder=None, steps=4, start="none", **settings):
    """A Run on a data set, a few steps long, that begins with nothing."""
    chosen = {"out": folder, "steps": steps, "start": start, "quiet": True}
    return minicnn.train("sds", data, settings=SMALL | settings, **chosen)
