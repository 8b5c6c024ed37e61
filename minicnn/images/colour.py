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


# Linear red, green and blue of sRGB to X, Y and Z, each divided by that of white (D65)
RGB_TO_XYZ = np.array(
    [[0.412453, 0.357580, 0.180423], [0.212671, 0.715160, 0.072169], [0.019334, 0.119193, 0.950227]]
)
RGB_TO_XYZ /= np.array([0.95047, 1.0, 1.08883])[:, None]


def rgb_to_lab(image):
    """uint8 (H, W, 3) to float64 planes (3, H, W): CIELab, in which steps that look alike are about
    equally long. L is brightness, 0 to 100; a goes from green to red, b from blue to yellow.

    Source: CIE 1976, for sRGB under daylight (D65).
    """
    levels = np.arange(256) / 255
    linear = np.where(levels > 0.04045, ((levels + 0.055) / 1.055) ** 2.4, levels / 12.92)
    xyz = np.tensordot(RGB_TO_XYZ, np.moveaxis(linear[image], 2, 0), axes=1)
    x, y, z = np.where(xyz > 0.008856, np.cbrt(xyz), 7.787 * xyz + 16 / 116)
    return np.stack([116 * y - 16, 500 * (x - y), 200 * (y - z)])
