"""Tiny ImageNet: 100 of its 200 classes, 26,500 photographs of 64x64 pixels, a class each.

The layout is that of `image_folder.py`. Of the 240 pictures that a class has in `train`, 24 are
held out, by a digest of their names, as the split `val`, by which everything is chosen; the 2,500
pictures of its folder `val` are the split `test`.
"""

from pathlib import Path

from minicnn.datasets.image_folder import ANNOTATIONS, ImageFolder


class TinyImageNet(ImageFolder):
    """The data set in the folder `root`."""

    name = "tiny-imagenet"
    # What `minicnn data` needs to know:
    description = "26,500 photographs of 64x64, 100 classes (Le, Yang 2015, from ImageNet)"
    source = "https://github.com/seshuad/IMagenet (tiny-imagenet-200; here 100 of its classes)"
    terms = (
        "ImageNet's: for non-commercial research and education; the photographs are their owners'. "
        "Cite Y. Le, X. Yang, Tiny ImageNet Visual Recognition Challenge, 2015, and O. Russakovsky "
        "et al., ImageNet Large Scale Visual Recognition Challenge, IJCV 2015"
    )
    layout = f"it has train/WNID/images/*.JPEG, val/images/*.JPEG and val/{ANNOTATIONS}"
    digests = ("45c4b2d03c5a518d37fd08eba18a4cc74c0ce0e9ec34d4995fbf1c239c52a997",)

    def __init__(self, root, classes=None):
        super().__init__(root, classes)
        self.name = TinyImageNet.name  # whatever the folder is called

    @staticmethod
    def locate(folder):
        """The folder that holds train/ and val/ in what an archive unpacked to, or None."""
        for annotations in sorted(Path(folder).rglob(f"val/{ANNOTATIONS}")):
            root = annotations.parents[1]
            if any(root.glob("train/*/images/*")):
                return root
        return None
