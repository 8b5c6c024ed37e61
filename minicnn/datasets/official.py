"""Where the makers of each data set keep its archive, and what is known of that file.

The address of an archive is fetched as it is; a server that sends us on to another one is believed
only if that lies with the same host. A checksum stands here where somebody computed it from the
official file (these two are in many programs that fetch them); for the others, what has arrived has
to be an archive, of the data set's layout, and of as many pictures as are written here.
"""

from typing import NamedTuple


class Archive(NamedTuple):
    """`url` of the file; `pictures` that it holds for us, over all splits; `md5`, if known."""

    url: str
    pictures: int
    md5: str | None = None


BERKELEY = "http://www.eecs.berkeley.edu/Research/Projects/CS/vision/grouping/BSR/"
VOC = "http://host.robots.ox.ac.uk/pascal/VOC/voc2012/"
UNC = "http://www.cs.unc.edu/~jtighe/Papers/ECCV10/siftflow/"

ARCHIVES = {
    "stanford-background": Archive("http://dags.stanford.edu/data/iccv09Data.tar.gz", 715),
    "sift-flow": Archive(UNC + "SiftFlowDataset.zip", 2_686),
    "tiny-imagenet": Archive(
        "http://cs231n.stanford.edu/tiny-imagenet-200.zip",
        110_000,
        "90528d7ca1a48142e341f4ef8d21d0de",
    ),
    "bsds": Archive(BERKELEY + "BSR_bsds500.tgz", 500),
    "voc": Archive(VOC + "VOCtrainval_11-May-2012.tar", 2_913, "6cd6e144f989b92b3379bac3b3de84fd"),
}

# Why a data set is not fetched, as the rest of a sentence that begins with its name.
BY_HAND = {
    "msrc": "comes in two archives, photographs from Microsoft and better labels from Carnegie "
    "Mellon, which somebody has to put together",
    "labelmefacade": "is read at half its size and with a number a pixel, not as it is published",
    "voc2012-animals": "is a part of VOC 2012 that was made for minicnn and is on no server",
    "weak-cats-dogs": "was put together for minicnn, and Kaggle asks for an account",
    "coco": "comes in several archives, which belong into one folder",
    "coco-panoptic": "comes in several archives, one in another, which belong into one folder",
}
