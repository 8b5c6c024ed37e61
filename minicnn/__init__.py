"""minicnn: convolutional networks for image segmentation, written from scratch to be read.

    import minicnn
    run = minicnn.train("multi-scale", "scenes", epochs=2)
    result = minicnn.segment("photo.jpg")

The names below are what a notebook needs; the files say how it works, from tensor.py on.
"""

from minicnn import functional, nn, optim
from minicnn.checking import GradientError, gradcheck
from minicnn.cover_training import train_cover
from minicnn.devices import device, get_num_threads, set_num_threads
from minicnn.evaluation import evaluate
from minicnn.kernel import Kernel, algorithm
from minicnn.op import Op, no_grad
from minicnn.ops import methods  # noqa: F401  gives Tensor its operators
from minicnn.randomness import manual_seed
from minicnn.segmenting import segment
from minicnn.tensor import Tensor
from minicnn.training import resume, train, train_greedily

__version__ = "0.1.0"

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
    "resume",
    "segment",
    "set_num_threads",
    "train",
    "train_cover",
    "train_greedily",
]
