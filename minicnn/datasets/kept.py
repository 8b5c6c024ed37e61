"""Pictures that are decoded once and then kept in memory."""

import threading
from collections.abc import Sequence
from dataclasses import replace

import numpy as np

MOST = 2**30  # bytes


class Kept(Sequence):
    """The pictures of `split`, each `change(image)`d: what the network would make of every picture
    again and again, such as bringing it to one size. They are kept as they come, until their
    images, uint8, take `most` bytes; all others are read every time anew. (Whoever goes through
    all pictures in ever new orders gains nothing from giving up one for another.)

    Several threads may ask; the images that they get are the ones kept, and cannot be written to.
    """

    def __init__(self, split, change=lambda image: image, most=MOST):
        self.split, self.change, self.room = split, change, most
        self._kept, self._lock = {}, threading.Lock()

    names = property(lambda self: self.split.names)

    def __len__(self):
        return len(self.split)

    def __getitem__(self, index):
        found = self._kept.get(index)
        if found is None:
            picture = self.split[index]
            image = np.array(self.change(picture.image))  # a part of a picture keeps all of it
            image.flags.writeable = False
            found = replace(picture, image=image)
            with self._lock:  # another thread may have been faster
                if index not in self._kept and found.image.nbytes <= self.room:
                    self._kept[index], self.room = found, self.room - found.image.nbytes
        return found
