"""The operations, one file each. Adding one is a new file and its name in FILES."""

import importlib
import sys

from minicnn.engine.kernel import Kernel

FILES = ["arithmetic", "shape", "pad", "reductions", "matmul", "relu", "tanh", "softmax"]
FILES += ["cross_entropy", "conv2d", "conv2d_of_levels", "conv2d_table", "max_pool2d"]
FILES += ["avg_pool2d", "dropout", "interpolate", "interpolate_onto", "sigmoid", "scaled_tanh"]
FILES += ["nll_loss", "kl_div"]
FILES += ["binary_cross_entropy_with_logits", "cross_entropy_of_sets", "hinge_loss"]
FILES += ["max_pool_maps", "subsample2d", "lp_pool2d", "log_sum_exp_pool"]
FILES += ["local_response_norm", "local_contrast_norm"]

# Faster algorithms for some of them, which register with their kernels; the order does not matter.
FAST = ["conv2d", "conv2d_table", "max_pool2d", "avg_pool2d", "max_pool_maps", "softmax"]
FAST += ["cross_entropy", "interpolate", "whole_arrays", "local_response_norm"]
FAST += ["local_contrast_norm"]

for _name in FILES:
    importlib.import_module(f"minicnn.ops.{_name}")

for _name in FAST:
    importlib.import_module(f"minicnn.ops.fast.{_name}")


def all_cases():
    """Every Case of every operation, in the order of FILES."""
    for name in FILES:
        yield from importlib.import_module(f"minicnn.ops.{name}").cases()


def all_kernels():
    """Every Kernel of minicnn, by name: those of the operations, and the update of `optim`."""
    modules = [module for name, module in sys.modules.items() if name.startswith("minicnn.")]
    kernels = {v for module in modules for v in vars(module).values() if isinstance(v, Kernel)}
    return sorted(kernels, key=lambda kernel: kernel.name)
