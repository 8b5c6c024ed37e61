"""Our side of a row, whatever it names."""

from minicnn.bench import our_batches, our_networks
from minicnn.bench.network_rows import Bags, Crops, Drawn, Regions, Whole
from minicnn.bench.ours import Operation

KINDS = {
    Whole: our_networks.Pixels,
    Crops: our_networks.WholePictures,
    Regions: our_batches.OfRegions,
    Bags: our_batches.OfBags,
    Drawn: our_batches.OfDrawnPixels,
}


def side(row, device="cpu"):
    """Our side of a row."""
    return KINDS.get(type(row), Operation)(row, device)
