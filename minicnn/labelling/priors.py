r"""What makes labels of pixels out of a network that learnt from labels of pictures.

Such a network was asked of whole pictures, and its pixels are rough: some claim that a cat's
picture shows dogs, and between cat and lawn no border was ever taught. Two things are known
besides.

Image-level prior. What the picture shows the network tells better than what a pixel shows: pooled,
its scores give p(k | picture). So a pixel's probability of each class is multiplied by it,

    y_k[i, j] = p_k[i, j] p(k | picture)

and a class that the picture does not show has lost everywhere. Whether there is anything is asked
after that: a pixel is of the class k of the largest y_k, background left out, if that reaches a
threshold, and else background. (Background itself has no prior to speak of: a picture of a cat is
«not background», and most of its pixels are. With threshold=0 it competes as all others.)

Smoothing prior. Regions know borders: each of them is labelled as one.

    superpixels   each takes the label that most of its pixels have
    boxes         those of object proposals. A box in which the mean of y_k reaches the threshold
                  may hold k; a pixel that lies in none, or does not reach it itself, is background
    segments      the proposals themselves. Taken is, for each class, the segment R of the most
                  evidence above the threshold t,  sum over R of (y_k[i, j] - t);  then what is left
                  is asked again

Source: Pinheiro, Collobert 2015, sections 4.2 and 4.3. Their boxes are those of BING, their
segments those of MCG; both of ours come from proposals/.
"""

from typing import NamedTuple

import numpy as np

from minicnn import functional as F
from minicnn.engine.tensor import Tensor
from minicnn.labelling.probabilities import sigmoid, softmax
from minicnn.labelling.proposals.proposer import nearest
from minicnn.labelling.superpixels import region_sizes


class Pooling(NamedTuple):
    """How the scores of pixels become those of a picture.

    aggregation  lse, max or mean; r: of log-sum-exp
    objective    softmax: the classes exclude each other; sigmoid: each by itself
    background   the number of the class that means none of the others, or None
    """

    aggregation: str = "lse"
    r: float = 5.0
    objective: str = "softmax"
    background: int | None = None

    def of_maps(self, maps):
        """The scores of pictures, a Tensor (N, K), from those of their pixels, (N, K, H, W)."""
        if self.aggregation == "lse":
            return F.log_sum_exp_pool(maps, self.r)
        return maps.amax((2, 3)) if self.aggregation == "max" else maps.mean((2, 3))

    def pooled(self, scores):
        """float64 (K,): the scores of a picture from those of its pixels, (K, H, W)."""
        return self.of_maps(Tensor(scores[None].astype(np.float64))).numpy()[0]

    def probabilities(self, scores):
        """The probabilities of scores (K, ...)."""
        return sigmoid(scores) if self.objective == "sigmoid" else softmax(scores)

    def prior(self, scores):
        """(y (K, H, W), p(k | picture) (K,)) of scores (K, H, W)."""
        shown = self.probabilities(self.pooled(scores))
        return self.probabilities(scores) * shown[:, None, None], shown

    def decided(self, y, threshold):
        """uint8 (H, W): the labels, `threshold` deciding between things and background."""
        if self.background is None or not threshold:
            return y.argmax(axis=0).astype(np.uint8)
        things = y.copy()
        things[self.background] = -1
        labels = things.argmax(axis=0).astype(np.uint8)
        labels[things.max(axis=0) < threshold] = self.background
        return labels


def of_superpixels(labels, regions):
    """uint8 (H, W): in each region the label that most of its pixels have."""
    count = int(labels.max()) + 1
    codes = regions.ravel().astype(np.int64) * count + labels.ravel()
    votes = np.bincount(codes, minlength=len(region_sizes(regions)) * count).reshape(-1, count)
    return votes.argmax(axis=1).astype(np.uint8)[regions]


def of_boxes(y, boxes, pooling, threshold):
    """(uint8 (H, W), float (K, H, W)): the labels, and y where a box allows it, elsewhere 0.

    boxes  int (N, 4): top, left, bottom, right, the last two beyond
    """
    sums = np.pad(y, ((0, 0), (1, 0), (1, 0))).cumsum(axis=1).cumsum(axis=2)
    top, left, bottom, right = boxes.T
    inside = sums[:, bottom, right] - sums[:, top, right]
    inside -= sums[:, bottom, left] - sums[:, top, left]
    means = inside / ((bottom - top) * (right - left))
    allowed = np.zeros(y.shape, bool)
    for k in range(len(y)):
        for a, b, c, d in boxes[means[k] >= threshold]:
            allowed[k, a:c, b:d] = True
    if pooling.background is not None:
        allowed[pooling.background] = True
    else:
        allowed |= ~allowed.any(axis=0)  # what no box covers keeps the label that it had
    kept = np.where(allowed, y, 0)
    return pooling.decided(kept, threshold), kept


def of_segments(y, leaves, regions, pooling, threshold, most=3):
    """(uint8 (H, W), [(class, bool (H, W)), ...]): the labels, and the segments that were taken, at
    most `most` of a class.

    leaves   int (H, W): the leaf of each pixel; regions  bool (N, L): the leaves of each segment
    """
    taken, sure = [], np.zeros(leaves.shape)
    labels = y.argmax(axis=0).astype(np.uint8)  # where no segment lies, as it was
    if pooling.background is not None:
        labels[:] = pooling.background
    for k, plane in enumerate(y):
        if k == pooling.background:
            continue
        evidence = (plane - threshold).ravel()
        evidence = np.bincount(leaves.ravel(), evidence, minlength=regions.shape[1])
        for _ in range(most):
            sums = regions @ evidence
            best = int(sums.argmax())
            if sums[best] <= 0:
                break
            mask = regions[best][leaves]
            taken.append((k, mask))
            evidence[regions[best]] = 0  # it is said already
            better = mask & (plane > sure)
            labels[better], sure[better] = k, plane[better]
    return labels, taken


class Labelled(NamedTuple):
    """What a prior makes of a picture, and the steps on the way.

    shown   float (K,): p(k | picture); y  float (K, H, W)
    pixels  uint8 (H, W): the labels of each pixel by itself
    labels  uint8 (H, W): those in the end
    regions  what smoothed them: int (H, W); boxes (N, 4); [(class, mask), ...]; or None
    """

    shown: np.ndarray
    y: np.ndarray
    pixels: np.ndarray
    labels: np.ndarray
    regions: object = None


def with_prior(image, scores, pooling, threshold, smooth=None):
    """The Labelled of a picture, uint8 (H, W, 3), and of its scores, (K, H, W).

    smooth  None, or ("superpixels", function of the picture that gives int (H, W)), or ("boxes" or
            "segments", one that gives Proposals)
    """
    y, shown = pooling.prior(scores)
    pixels = pooling.decided(y, threshold)
    if smooth is None:
        return Labelled(shown, y, pixels, pixels)
    kind, regions_of = smooth
    found = regions_of(image)
    if kind == "superpixels":
        return Labelled(shown, y, pixels, of_superpixels(pixels, found), found)
    if kind == "boxes":
        boxes = found.boxes()
        labels, _ = of_boxes(y, boxes, pooling, threshold)
        return Labelled(shown, y, pixels, labels, boxes)
    leaves = nearest(found.hierarchies.leaves, found.size)
    labels, taken = of_segments(y, leaves, found.regions, pooling, threshold)
    return Labelled(shown, y, pixels, labels, taken)
