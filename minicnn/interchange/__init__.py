"""Networks in and out, as ONNX files.

    from minicnn import interchange
    interchange.export("runs/first", "first.onnx")      # what is trained here runs elsewhere
    network = interchange.load("squeezenet.onnx")       # and the other way round

Needs the extra [onnx].
"""

from minicnn.interchange.errors import InterchangeError
from minicnn.interchange.exporting import export
from minicnn.interchange.importing import OnnxNetwork, load

__all__ = ["InterchangeError", "OnnxNetwork", "export", "load"]
