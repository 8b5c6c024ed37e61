"""Proposals of pictures, made once and kept on disk: they take half a second a picture, and every
training, every evaluation and every resumed run asks for the same ones.

    keeper = Keeper(proposer, 300)
    proposed = keeper(image)

They lie in the folder `.proposals` of the installed data sets, some 60 kB a picture, under the
digest of the picture and a number of the network of edges and its lists. Nothing else looks at
them: the folder may be deleted at any time.
"""

import contextlib
import io
import zipfile
from hashlib import sha256

import numpy as np

from minicnn.basics.writing import write_atomically
from minicnn.datasets import data_home
from minicnn.labelling.regions.proposed import Proposed

FOLDER = ".proposals"


class Keeper:
    """A function of a picture that `shrunk` gave, uint8 (H, W, 3), to its Proposed.

    proposer  a labelling.proposals.Proposer;  count  regions of a picture, at most
    folder    where they are kept; None: beside the data sets
    """

    def __init__(self, proposer, count, folder=None):
        self.proposer, self.count = proposer, count
        known = "-".join(str(value) for value in getattr(proposer, "about", {}).values())
        lengths = getattr(proposer, "lengths", np.zeros(0)).tolist()
        key = sha256(f"{known} {lengths}".encode()).hexdigest()[:12]
        self.folder = (folder or data_home() / FOLDER) / f"{key}-{count}"

    def path(self, image):
        digest = sha256(repr(image.shape).encode() + image.tobytes()).hexdigest()[:20]
        return self.folder / f"{digest}.npz"

    def __call__(self, image):
        path = self.path(image)
        found = _read(path, image.shape[:2])
        if found is None:
            found = Proposed.of(self.proposer, image, self.count)
            buffer = io.BytesIO()
            arrays = {"leaves": found.leaves, "packed": found.packed, "boxes": found.boxes}
            np.savez_compressed(buffer, **arrays)
            with contextlib.suppress(OSError):  # a full disk: then they are made again
                self.folder.mkdir(parents=True, exist_ok=True)
                write_atomically(path, buffer.getvalue())
        return found


def _read(path, size):
    """The Proposed in a file; None if there is none, or none that can be used."""
    if not path.is_file():
        return None
    try:
        with np.load(io.BytesIO(path.read_bytes()), allow_pickle=False) as file:
            leaves, packed, boxes = (file[name] for name in ("leaves", "packed", "boxes"))
    except (OSError, ValueError, KeyError, zipfile.BadZipFile):  # cut short, by a full disk say
        return None
    whole = leaves.shape == size and boxes.shape == (len(packed), 4)
    if not whole or packed.ndim != 2 or 8 * packed.shape[1] <= leaves.max():
        return None
    return Proposed(leaves, packed, boxes, np.zeros((0, *size), bool))
