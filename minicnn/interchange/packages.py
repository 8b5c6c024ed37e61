"""The package onnx, which only who carries networks in and out needs."""

from minicnn.interchange.errors import InterchangeError


def onnx():
    """The module, with its helpers. Raises InterchangeError with the command that installs it."""
    try:
        import onnx
        import onnx.external_data_helper
        import onnx.helper
        import onnx.numpy_helper
    except ImportError:
        raise InterchangeError(
            "ONNX files need the package onnx, which is not installed: pip install onnx"
        ) from None
    return onnx
