"""How results show themselves in a notebook: as HTML, with pictures embedded in it.

Whatever is a name (of a class, a file, a network) is escaped: a data set may call a class «<b>».
"""

import base64
import io
from html import escape

import numpy as np

from minicnn.images.resizing import fit_long_side, resize

LARGEST = 900  # pixels, of the long side of a photograph that is shown
MOST = 8  # rows and columns of an array that are shown


def run_html(run):
    """A Run: what it is, and its curves."""
    from minicnn.figures.scores import curves

    return f"<div><p>{escape(repr(run))}</p>{_figure(curves(run.log.records))}</div>"


def evaluation_html(evaluation):
    """An Evaluation: what was evaluated, the scores, and a table of the classes."""
    about, *notes = evaluation.heading()
    seconds = f"<p>{evaluation.seconds_per_picture:.3f} s a picture</p>"
    notes = "".join(f"<p>{escape(note)}</p>" for note in notes)
    table = confusion_html(evaluation.confusion)
    return f"<div><p><b>{escape(about)}</b></p>{notes}{table}{seconds}</div>"


def confusion_html(confusion):
    """A Confusion: the three scores, and of each class its pixels, accuracy and IoU."""
    scores = f"<p>{escape(confusion.in_short())}</p>"
    pixels = confusion.matrix.sum(axis=1) / max(confusion.matrix.sum(), 1)
    columns = (pixels, confusion.per_class_accuracy, confusion.per_class_iou)
    rows = [
        [name, *("-" if np.isnan(v) else f"{100 * v:.1f} %" for v in values)]
        for name, *values in zip(confusion.classes, *columns, strict=True)
    ]
    return scores + _table([["class", "pixels", "accuracy", "IoU"], *rows])


def segmentation_html(segmentation):
    """A Segmentation: the overlay with its names."""
    image = segmentation.overlay()  # its letters grow with it, so they can be read when it shrinks
    if max(image.shape) > LARGEST:
        image = resize(image, fit_long_side(*image.shape[:2], LARGEST))
    return f"<div><p>{escape(repr(segmentation))}</p>{_png(image)}</div>"


def tensor_html(tensor):
    """A Tensor: shape, dtype and device; its numbers as a table where it has at most two axes, of
    a larger one its two last axes at 0; of each only the first rows and columns."""
    about = f"<p><b>{escape(tensor.describe())}</b></p>"
    if not tensor.size:
        return f"<div>{about}</div>"
    index = (0,) * max(tensor.ndim - 2, 0)
    corner = (slice(MOST),) * (tensor.ndim - len(index))
    values = tensor.detach()[index + corner].numpy() if tensor.ndim else tensor.numpy()
    rows = [[f"{v:.4g}" if v.dtype.kind == "f" else str(v) for v in row] for row in _rows(values)]
    if index:
        about += f"<p>[{', '.join(map(str, index))}]</p>"
    height, width = (1, 1, *tensor.shape)[-2:]
    rows = [row + ["…"] * (width > MOST) for row in rows]
    rows += [["…"] * len(rows[0])] * (height > MOST)
    return f"<div>{about}{_table(rows)}</div>"


def _rows(values):
    return np.reshape(values, (1, 1, *values.shape)[-2:] if values.ndim < 2 else values.shape)


def _table(rows):
    """Rows of texts; nothing of it is a head, so that a plain array looks like one."""
    cells = (
        "".join(f'<td style="text-align: right">{escape(text)}</td>' for text in row)
        for row in rows
    )
    return "<table>" + "".join(f"<tr>{line}</tr>" for line in cells) + "</table>"


def _figure(figure):
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=70)
    return _embedded(buffer)


def _png(image):
    from PIL import Image

    buffer = io.BytesIO()
    Image.fromarray(image).save(buffer, format="png")
    return _embedded(buffer)


def _embedded(buffer):
    data = base64.b64encode(buffer.getvalue()).decode()
    return f'<img src="data:image/png;base64,{data}" style="max-width: 100%"/>'
