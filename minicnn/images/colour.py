"""RGB to YUV: brightness, and two differences of colour."""

import numpy as np

# ITU-R BT.601: Y weighs the primaries as the eye does; U and V are scaled B - Y and R - Y.
RGB_TO_YUV = np.array(
    [[0.299, 0.587, 0.114], [-0.14713, -0.28886, 0.436], [0.615, -0.51499, -0.10001]],
    dtype=np.float32,
)


def rgb_to_yuv(image):
    """uint8 (H, W, 3) to float32 planes (3, H, W), in grey levels (Y in 0..255)."""
    planes = np.ascontiguousarray(image.transpose(2, 0, 1), dtype=np.float32)
    return np.tensordot(RGB_TO_YUV, planes, axes=1)
