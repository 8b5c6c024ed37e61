"""What describes the regions of all training pictures: made once by a network that learns no more,
kept in RUN/features as float16, a file a picture, so that a stopped run goes on where it was."""

import io

import numpy as np

from minicnn.basics.writing import write_atomically

SOME = 100  # pictures, and regions of each, of which the mean length is measured


class Features:
    """A sequence: float32 (N + O, F) of each of `samples`, the objects at the end.

    folder  that of the run; None: they are kept in memory
    """

    def __init__(self, network, samples, folder, said=lambda text: None):
        self.network, self.samples, self.said = network, samples, said
        self.width = network.units
        self.folder = folder and folder / "features"
        self.kept = {}

    def make(self):
        """Makes those that are missing."""
        if self.folder is not None:
            self.folder.mkdir(exist_ok=True)
        for place in range(len(self.samples)):
            self.said(f"features: picture {place} of {len(self.samples)}")
            if self._read(place) is None:
                self._make(place)

    def __getitem__(self, place):
        found = self._read(place)
        found = self._make(place) if found is None else found
        return found.astype(np.float32)

    def _make(self, place):
        sample = self.samples[place]
        found = self.network.describe(sample.image, sample.proposed).astype(np.float16)
        self._write(place, found)
        return found

    def mean_length(self):
        """Of some regions, of pictures that are evenly spread."""
        places = range(0, len(self.samples), max(1, len(self.samples) // SOME))
        lengths = [np.linalg.norm(self[place][:SOME], axis=1) for place in places]
        return max(float(np.concatenate(lengths).mean()), 1e-6)

    def _path(self, place):
        return self.folder / f"{place}.npy"

    def _read(self, place):
        if self.folder is None:
            return self.kept.get(place)
        try:
            found = np.load(self._path(place), allow_pickle=False)
        except (OSError, ValueError):
            return None
        return found if found.shape == (len(self.samples[place].proposed), self.width) else None

    def _write(self, place, x):
        if self.folder is None:
            self.kept[place] = x
            return
        self.folder.mkdir(exist_ok=True)
        buffer = io.BytesIO()
        np.save(buffer, x)
        write_atomically(self._path(place), buffer.getvalue())
