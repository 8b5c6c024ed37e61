"""A tiny `sds`, trained in seconds on drawn scenes."""

import minicnn

SCENES = {"size": (48, 64), "train": 10, "val": 3, "test": 2}
SMALL = {"width": 0.05, "size": 33, "regions": 16, "test_regions": 16, "batch": 8, "validations": 1}
SMALL |= {"warm_up": 0, "lr": 0.01}


def tiny_sds(folder=None, steps=4, start="none", **settings):
    return minicnn.train(
        "sds",
        "scenes",
        out=folder,
        steps=steps,
        settings=SMALL | settings,
        data_options=SCENES,
        start=start,
        quiet=True,
    )
