"""What conv2d and conv2d_table share: stride, padding, dilation, and how many windows they give."""

import numpy as np

from minicnn.engine.op import pair


def geometry_of(name, stride, padding, dilation):
    """(sh, sw, ph, pw, dh, dw) from ints or pairs; `name` of the operation, for errors."""
    return (
        *pair(stride, f"{name}: stride", 1),
        *pair(padding, f"{name}: padding"),
        *pair(dilation, f"{name}: dilation", 1),
    )


def windows(name, x, w, geometry):
    """(OH, OW), how many windows there are. Raises ValueError where there is none."""
    sh, sw, ph, pw, dh, dw = geometry
    (H, W), (K, L) = x.shape[-2:], w.shape[-2:]
    OH, OW = (H + 2 * ph - dh * (K - 1) - 1) // sh + 1, (W + 2 * pw - dw * (L - 1) - 1) // sw + 1
    if OH < 1 or OW < 1:
        raise ValueError(
            f"{name}: the padded input is smaller than the filter: input {x.shape}, "
            f"weight {w.shape}, padding {ph, pw}, dilation {dh, dw}"
        )
    return OH, OW


def named_padding(name, input, weight, stride, dilation):
    """'valid' and 'same' in numbers. An even filter needs one more zero on the right than on the
    left, which is put there beforehand."""
    if name == "valid":
        return 0, input
    if name != "same":
        raise ValueError(f"conv2d: padding {name!r}: choose 'same', 'valid' or numbers")
    if pair(stride, "conv2d: stride", 1) != (1, 1):
        raise ValueError("conv2d: padding 'same' needs stride 1")
    dh, dw = pair(dilation, "conv2d: dilation", 1)
    K, L = (1, 1, *np.shape(weight))[-2:]  # of less than a weight the convolution will tell
    down, across = dh * (K - 1), dw * (L - 1)
    if down % 2 or across % 2:
        from minicnn.ops.pad import pad

        input = pad(input, (0, across % 2, 0, down % 2))
    return (down // 2, across // 2), input
