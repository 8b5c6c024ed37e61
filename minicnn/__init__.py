"""minicnn: convolutional networks for image segmentation, written from scratch to be read.

    import minicnn
    run = minicnn.train("multi-scale", "scenes", epochs=2)
    result = minicnn.segment("photo.jpg")

The names below are what a notebook needs; the files say how it works, from engine/tensor.py on.
"""

import minicnn.basics.early  # noqa: F401  first: Ctrl-C while all the others are imported
from minicnn import functional, nn, optim
from minicnn.checking import GradientError, gradcheck
from minicnn.engine.devices import device, get_num_threads, set_num_threads
from minicnn.engine.kernel import Kernel, algorithm
from minicnn.engine.op import Op, no_grad
from minicnn.engine.randomness import manual_seed
from minicnn.engine.tensor import Tensor
from minicnn.figures import methods as _  # noqa: F401  gives results their pictures
from minicnn.inference.evaluation import evaluate
from minicnn.inference.regions import propose
from minicnn.inference.segmenting import segment
from minicnn.interchange import foreign as _foreign  # noqa: F401  `start` takes .onnx files
from minicnn.learning.cover_training import train_cover
from minicnn.learning.proposal_training import train_proposals
from minicnn.learning.training import resume, train, train_greedily
from minicnn.ops import methods  # noqa: F401  gives Tensor its operators

__version__ = "0.3.0"

__all__ = [
    "GradientError",
    "Kernel",
    "Op",
    "Tensor",
    "algorithm",
    "device",
    "evaluate",
    "functional",
    "get_num_threads",
    "gradcheck",
    "manual_seed",
    "nn",
    "no_grad",
    "optim",
    "propose",
    "resume",
    "segment",
    "set_num_threads",
    "train",
    "train_cover",
    "train_greedily",
    "train_proposals",
]
