"""What stands in a file beside the graph: classes, how pictures come in and scores come out, and
the few lines of Python that do it."""

import json

ANY = "float32 (N, 3, height, width), RGB, grey levels from 0 to 255"
PIXELS = "scores of the classes at each pixel, float32 (N, classes, height, width)"
WHOLE = "scores of the classes, float32 (N, classes)"

BEGIN = """\
import json
import numpy as np
import onnxruntime
from PIL import Image

session = onnxruntime.InferenceSession("model.onnx")
classes = json.loads(session.get_modelmeta().custom_metadata_map["classes"])
image = Image.open("photo.jpg").convert("RGB")
"""
TO_SIZE = "image = image.resize({size}, Image.Resampling.BILINEAR, reducing_gap=3.0)\n"
FIT = """\
scale = {side} / max(image.size)
size = [max(1, round(n * scale)) for n in image.size]
""" + TO_SIZE.format(size="size")
CUT = (
    """\
scale = {frame} / min(image.size)
size = [max({size}, round(n * scale)) for n in image.size]
"""
    + TO_SIZE.format(size="size")
    + """\
left, top = ({corner} for n in image.size)
image = image.crop((left, top, left + {size}, top + {size}))
"""
)
RUN = """\
x = np.asarray(image, np.float32).transpose(2, 0, 1)[None]
scores = session.run(None, {"image": x})[0][0]
"""
END_PIXELS = "labels = scores.argmax(axis=0)  # of each pixel the place of its class in classes\n"
END_WHOLE = "label = classes[scores.argmax()]\n"


def metadata(config, network, form):
    """{key: text} for a file: classes and colours as JSON lists, what goes in and comes out, what
    the caller does, a snippet of Python, and under `minicnn` the config of the checkpoint."""
    o, end = network.options, END_WHOLE if form.crop else END_PIXELS
    if form.crop:
        frame, size = network.frame_side(), o["size"]
        before = (
            f"bring the shorter side of a picture to {frame} pixels (linear, smoothed where it "
            f"becomes smaller) and cut {size} x {size} pixels out of its middle"
        )
        square = "(n - {frame}) // 2 + ({frame} - {size}) // 2"
        corner = (square if config.model == "alexnet" else "(n - {size}) // 2").format(
            frame=frame, size=size
        )
        code = CUT.format(frame=frame, size=size, corner=corner)
    elif form.fits:
        before = (
            f"bring the longer side of a picture to {o['side']} pixels (linear, smoothed where it "
            "becomes smaller); afterwards enlarge the scores to the size of the picture (linear)"
        )
        code = FIT.format(side=o["side"])
    else:
        before, code = "nothing: whatever the network wants of a picture is in the graph", ""
        if form.larger:
            before += (
                f"; it is asked at pictures whose longer side has {form.larger * o['size']} "
                "pixels, so bring others to that"
            )
        elif config.long_side:
            before += (
                f"; it has learnt from pictures whose longer side has about {config.long_side} "
                "pixels, so bring larger ones to that"
            )
    return {
        "classes": json.dumps(config.classes),
        "colours": json.dumps(config.colours),
        "input": ANY.replace("height, width", f"{o['size']}, {o['size']}") if form.crop else ANY,
        "output": WHOLE if form.crop else PIXELS,
        "caller": before,
        "snippet": BEGIN + code + RUN + end,
        "minicnn": json.dumps(config.to_json()),
    }
