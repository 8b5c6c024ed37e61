"""How each network is asked for what a file shall give: from a picture to scores.

An entry of FORMS is a function (graph, network, pictures) to scores, both Tensors that are
followed, and says what its pictures are. A network for pixels that has a `preprocess` needs its
counterpart from preparation.py, and else nothing: its own `scores` is asked.
"""

from typing import NamedTuple

from minicnn import functional as F
from minicnn.engine.tensor import Tensor
from minicnn.images.normalise import normalise_rgb
from minicnn.interchange import preparation as prepare
from minicnn.models.everywhere import LARGER, Everywhere


class Form(NamedTuple):
    """A way to ask a network.

    ask       function (graph, network, pictures) to scores
    crop, fits   whether all pictures are crops of the network's size, or fit into its square
    larger       the long side of pictures at which it is asked, in sides of the network's crops
    """

    ask: object
    crop: bool = False
    fits: bool = False
    larger: int | None = None

    def sizes(self, network):
        """Three sizes (height, width) of pictures: to write the graph by, and to check it at."""
        side = network.options.get("side", 60)
        sizes = (side // 2, 2 * side // 3), (side - 1, side // 2 + 1), (side // 3, side - 3)
        return ((network.options["size"],) * 2,) * 3 if self.crop else sizes

    def answer(self, name, network, image):
        """What the network itself says of a picture, uint8 (H, W, 3), without a graph: scores."""
        if self.crop or self.fits:
            x = network.normalise(image[None]) if self.crop else _framed(network, image)
            with network.predicting():
                scores = network(Tensor(x)).numpy()
            return scores if self.crop else scores[:, :, : image.shape[0], : image.shape[1]]
        asked = network if network.task == "pixels" else Everywhere(network, name)
        return asked.predict(image)[None]


def _framed(network, image):
    return network.framed(normalise_rgb(image), 0)[None]


def _for_pixels(inputs_of):
    """A Form of a SegmentationModel from the function (graph, network, pictures) that prepares."""

    def ask(g, network, x):
        return network.scores(inputs_of(g, network, x), x.shape[2:])

    return Form(ask)


def _patch(g, network, x):
    x = prepare.normalised(g, x, network.options["normalise"])
    before, after = network.before, network.after
    return [F.pad(x, (before, after, before, after))]


def _pyramid(g, network, x):
    o = network.options
    levels = prepare.pyramid(prepare.yuv(x), o["scales"], o["pyramid"])
    how = o["normalise"], o["window"], o["floor"]
    return [prepare.padded(prepare.normalised_planes(g, p, *how), 21, 4) for p in levels]


def _recurrent(g, network, x):
    network.change(fine="dilated")  # stitched, it is the same numbers
    sees, every = network.sees(network.instances), network.stride
    before = sees // 2 - (every - 1) // 2
    height, width = x.shape[2:]
    x = prepare.normalised(g, x, network.options["normalise"])
    more = [every * (-(-side // every) - 1) + sees - side - before for side in (height, width)]
    return [F.pad(x, (before, more[1], before, more[0]))]


def _feedback(g, network, x):
    height, width = x.shape[2:]
    side = network.options["side"]
    x = prepare.normalised_rgb(x)
    square = F.pad(x, (0, side - width, 0, side - height))
    square.spatial = False  # from here on every size is known
    return network(square)[:, :, :height, :width]


def _crops(g, network, x):
    x = _as_known(network, x)
    x.spatial = False
    if network.grey_levels != 1:
        x = prepare.normalised_rgb(x)
    return network(x)


def _as_known(network, x):
    """The channels in the order that the weights know."""
    return x if network.channels == (0, 1, 2) else x[:, ::-1]


def _everywhere(g, network, x):
    """As models.everywhere.Everywhere: the picture stands in the middle of its mean."""
    size, stride = network.options["size"], network.stride
    around, (height, width) = (size - stride) // 2, x.shape[2:]
    more = [-side % stride + size - stride - around for side in (height, width)]
    mean = network.mean.mean(dim=(1, 2), keepdim=True)
    x = F.pad(_as_known(network, x) - mean, (around, more[1], around, more[0])) + mean
    full = F.interpolate(
        network.class_map(x), scale_factor=stride, mode="bilinear", align_corners=False
    )
    return full[:, :, :height, :width]


FORMS = {
    "patch": _for_pixels(_patch),
    "single-scale": _for_pixels(_pyramid),
    "multi-scale": _for_pixels(_pyramid),
    "recurrent": _for_pixels(_recurrent),
    "feedback": Form(_feedback, fits=True),
    "alexnet": Form(_crops, crop=True),
    "alexnet-everywhere": Form(_everywhere, larger=LARGER),
    "three-layers": Form(_crops, crop=True),
}
# What stays here, and why.
UNWRITTEN = {
    "shallow": "its features and its trees are loops of ours, not operators of ONNX",
    "sds": "what it names are regions of a picture, which no operator of ONNX finds",
    "weak": "it looks at pictures in a size of its own, which files do not change",
    "edges": "the changes of brightness and colour that it is given are counted before the network",
}


def form_of(name, network, everywhere=False):
    """The Form of a network by the name of its model; `everywhere`: of one for whole pictures,
    which shall name the pixels. Raises ValueError for what there is not."""
    if name in UNWRITTEN:
        raise ValueError(f"{name} cannot be written as an ONNX file: {UNWRITTEN[name]}")
    if not everywhere:
        return FORMS[name]
    if network.task == "pixels":
        raise ValueError(f"{name} names the pixels already: leave pixels away")
    Everywhere(network, name)  # refuses those that cannot be asked so
    return FORMS[f"{name}-everywhere"]
