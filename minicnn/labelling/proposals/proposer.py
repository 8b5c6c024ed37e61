"""From a picture to its proposals: edges, hierarchies, candidates, ranking.

    proposer = Proposer(edges.predict, lengths, forest)
    found = proposer(image, 100)
    found.mask(0)                the region that most likely is an object

Pictures whose longer side has more than SIDE pixels are worked on in that size, with the memory and
the time that it takes; masks come in the size of the picture again.
"""

from dataclasses import dataclass

import numpy as np

from minicnn.images.resizing import fit_long_side, resize
from minicnn.labelling.proposals.candidates import LISTS, candidates
from minicnn.labelling.proposals.forest import Forest
from minicnn.labelling.proposals.hierarchies import hierarchies
from minicnn.labelling.proposals.ranking import THETA, among, diverse, without_duplicates

SCALES = (0.5, 1.0, 2.0)  # of the picture, at which its edges are looked for
SIDE = 400  # pixels, of the longer side
FEATURES = 16


def edge_strengths(image, detector, scales=SCALES):
    """[float32 (H, W), ...]: what `detector`, a function from uint8 (H, W, 3) to (H, W), says of
    the picture made larger and smaller, brought back to its size."""
    from scipy.ndimage import map_coordinates

    size, found = image.shape[:2], []
    for scale in scales:
        sides = tuple(max(1, round(scale * n)) for n in size)
        strength = detector(image if sides == size else resize(image, sides))
        if sides != size:  # a pixel is a little square: its middle lies at + 1/2
            rows, columns = (
                (np.arange(n) + 0.5) * (m / n) - 0.5 for n, m in zip(size, sides, strict=True)
            )
            places = np.meshgrid(rows, columns, indexing="ij")
            strength = map_coordinates(strength, places, order=1, mode="nearest")
        found.append(np.asarray(strength, np.float32))
    return found


def nearest(plane, size):
    """The array (h, w) in another size: of each pixel the one in the middle of what it covers."""
    if plane.shape == tuple(size):
        return plane
    rows, columns = (
        ((np.arange(n) + 0.5) * m / n).astype(int) for n, m in zip(size, plane.shape, strict=True)
    )
    return plane[np.ix_(rows, columns)]


@dataclass(frozen=True)
class Proposals:
    """What was proposed for a picture, best first.

    size         (H, W) of the picture
    hierarchies  over its partition, in the size that was worked on
    strengths    the edges at each scale, in that size
    regions      bool (N, L): the leaves of each proposal; scores  float32 (N,): what the forest
                 expects J with the best object to be
    """

    size: tuple
    hierarchies: object
    strengths: list
    regions: np.ndarray
    scores: np.ndarray

    def __len__(self):
        return len(self.regions)

    def mask(self, k):
        """bool (H, W) of proposal k. Raises IndexError for one that is not there."""
        if not -len(self) <= k < len(self):
            raise IndexError(f"there are {len(self)} proposals, so none with the number {k}")
        mask = self.regions[k][self.hierarchies.leaves]
        if mask.shape == self.size:
            return mask
        grey = np.repeat(255 * mask[:, :, None].astype(np.uint8), 3, axis=2)
        return resize(grey, self.size)[:, :, 0] >= 128  # smooth between pixels, not jagged

    def boxes(self):
        """int (N, 4): top, left, bottom, right of each, in pixels of the picture, the last two
        beyond."""
        leaves, found = self.hierarchies.boxes, []
        for k, inner in enumerate((np.min, np.min, np.max, np.max)):
            outside = np.iinfo(np.int64).max if k < 2 else -1
            found.append(inner(np.where(self.regions, leaves[:, k], outside), axis=1))
        scale = np.array(self.size) / self.hierarchies.leaves.shape
        return np.rint(np.stack(found, axis=1) * np.tile(scale, 2)).astype(np.int64)


class Proposer:
    """A function of (image, count) that gives Proposals.

    detector  from uint8 (H, W, 3) to the strength of edges, float (H, W) from 0 to 1
    lengths   16 numbers, see candidates.py; forest  a Forest, or None: the order of appearance
    """

    def __init__(self, detector, lengths, forest=None, theta=THETA):
        self.detector, self.forest, self.theta = detector, forest, theta
        self.lengths = np.asarray(lengths, np.int64)
        if self.lengths.shape != (LISTS,) or (self.lengths < 0).any():
            raise ValueError(f"lengths of {LISTS} lists are needed, none below 0")

    def hierarchies(self, image):
        """(Hierarchies of a picture, its strengths), in the size that is worked on."""
        if max(image.shape[:2]) > SIDE:
            image = resize(image, fit_long_side(*image.shape[:2], SIDE))
        strengths = edge_strengths(image, self.detector)
        return hierarchies(strengths), strengths

    def __call__(self, image, count=1000):
        h, strengths = self.hierarchies(image)
        found = candidates(h, self.lengths)
        scores = np.linspace(1, 0, len(found.regions), dtype=np.float32)
        if self.forest is not None:
            scores = self.forest.predict(found.features)
        order = np.argsort(-scores, kind="stable")
        regions, scores = found.regions[order], scores[order]
        j = among(regions, h.areas)
        kept = without_duplicates(j)
        chosen = kept[diverse(scores[kept], j[np.ix_(kept, kept)], count, self.theta)]
        return Proposals(image.shape[:2], h, strengths, regions[chosen], scores[chosen])

    def arrays(self):
        """{name: array} of what is learnt."""
        return {"lengths": self.lengths.astype(np.float32)} | self.forest.arrays()

    @classmethod
    def of_arrays(cls, detector, arrays):
        """The Proposer that `arrays` gave. Raises ValueError for arrays that are none."""
        lengths = np.asarray(arrays["lengths"])
        if lengths.shape != (LISTS,) or not ((lengths >= 0) & (lengths <= 1e5)).all():
            raise ValueError("its lengths of lists are none")
        return cls(detector, lengths.astype(np.int64), Forest.of_arrays(arrays, FEATURES))
