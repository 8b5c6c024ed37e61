"""What is passed without a name means what it means in PyTorch; what PyTorch has not at that place
has to be named."""

import inspect

import pytest

from minicnn import Tensor, nn, optim
from minicnn import functional as F

POOL = "kernel_size stride padding"
LOSS = "input target weight size_average"
ORDERS = {  # of PyTorch 2.13, without what it takes by name alone
    F.add: "input other",
    F.amax: "input dim keepdim",
    F.avg_pool2d: f"input {POOL} ceil_mode count_include_pad divisor_override",
    F.binary_cross_entropy_with_logits: f"{LOSS} reduce reduction pos_weight",
    F.concat: "tensors dim",
    F.conv2d: "input weight bias stride padding dilation groups",
    F.cross_entropy: f"{LOSS} ignore_index reduce reduction label_smoothing",
    F.div: "input other",
    F.dropout: "input p training inplace",
    F.interpolate: "input size scale_factor mode align_corners recompute_scale_factor antialias",
    F.kl_div: "input target size_average reduce reduction log_target",
    F.linear: "input weight bias",
    F.local_response_norm: "input size alpha beta k",
    F.log_softmax: "input dim _stacklevel dtype",
    F.lp_pool2d: "input norm_type kernel_size stride ceil_mode",
    F.matmul: "input other",
    F.max_pool2d: f"input {POOL} dilation ceil_mode return_indices",
    F.mean: "input dim keepdim",
    F.mul: "input other",
    F.neg: "input",
    F.nll_loss: f"{LOSS} ignore_index reduce reduction",
    F.pad: "input pad mode value",
    F.permute: "input dims",
    F.pow: "input exponent",
    F.relu: "input inplace",
    F.reshape: "input shape",
    F.sigmoid: "input",
    F.softmax: "input dim _stacklevel dtype",
    F.sub: "input other",
    F.sum: "input dim keepdim",
    F.tanh: "input",
    F.transpose: "input dim0 dim1",
    nn.AvgPool2d: f"{POOL} ceil_mode count_include_pad divisor_override",
    nn.Conv2d: f"in_channels out_channels {POOL} dilation groups bias padding_mode device dtype",
    nn.Dropout: "p inplace",
    nn.Linear: "in_features out_features bias device dtype",
    nn.LocalResponseNorm: "size alpha beta k",
    nn.MaxPool2d: f"{POOL} dilation return_indices ceil_mode",
    optim.SGD: "parameters lr momentum dampening weight_decay nesterov",
    optim.clip_grad_norm_: "parameters max_norm norm_type error_if_nonfinite foreach",
    Tensor.backward: "self gradient retain_graph create_graph inputs",
    Tensor.to: "self device dtype",
}
# PyTorch has nothing of the name
OURS = """conv2d_of_levels conv2d_table cross_entropy_of_sets hinge_loss interpolate_onto
local_contrast_norm log_sum_exp_pool max_pool_maps scaled_tanh subsample2d""".split()


@pytest.mark.parametrize("function", ORDERS, ids=lambda function: function.__qualname__)
def test_the_order_is_that_of_pytorch(function):
    arguments = inspect.signature(function).parameters.values()
    names = [p.name for p in arguments if p.kind is p.POSITIONAL_OR_KEYWORD]
    order = ORDERS[function].split()
    assert names[: len(order)] == order[: len(names)]


def test_every_function_is_in_the_table():
    assert {F.__dict__[name] for name in F.__all__ if name not in OURS} <= set(ORDERS)
