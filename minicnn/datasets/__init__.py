"""Data sets: `load("scenes")`, `load("stanford-background", fold=1)`, `load("my/folder")`."""

from minicnn.datasets.dataset import (
    Contours,
    DataError,
    Dataset,
    NotThere,
    Photograph,
    Picture,
    Split,
)
from minicnn.datasets.installing import install
from minicnn.datasets.instances import Instance
from minicnn.datasets.loading import Loader
from minicnn.datasets.registry import (
    data_home,
    is_installed,
    is_joined,
    lasting_name,
    lasting_options,
    listing,
    load,
)
from minicnn.images.labels import VOID

__all__ = [
    "VOID",
    "Contours",
    "DataError",
    "Dataset",
    "Instance",
    "Loader",
    "NotThere",
    "Photograph",
    "Picture",
    "Split",
    "data_home",
    "install",
    "is_installed",
    "is_joined",
    "lasting_name",
    "lasting_options",
    "listing",
    "load",
]
