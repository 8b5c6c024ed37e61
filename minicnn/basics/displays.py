"""Pieces of HTML by which results show themselves in a notebook; pictures are embedded in them.

Whatever is a name (of a class, a file, a network) is escaped: a data set may call a class «<b>».
"""

import base64
import io
from html import escape

MOST = 8  # rows and columns of an array that are shown


def paragraphs(*texts):
    """Each text as a paragraph."""
    return "".join(f"<p>{escape(text)}</p>" for text in texts)


def table(rows):
    """Rows of texts as a table. Nothing of it is a head, so that an array looks like one."""
    style = "text-align: right"
    lines = ("".join(f'<td style="{style}">{escape(text)}</td>' for text in row) for row in rows)
    return "<table>" + "".join(f"<tr>{line}</tr>" for line in lines) + "</table>"


def picture(shown):
    """uint8 (H, W, 3), or a matplotlib Figure, as an image that needs no file."""
    from PIL import Image

    buffer = io.BytesIO()
    if hasattr(shown, "savefig"):
        shown.savefig(buffer, format="png", dpi=70)
    else:
        Image.fromarray(shown).save(buffer, format="png")
    data = base64.b64encode(buffer.getvalue()).decode()
    return f'<img src="data:image/png;base64,{data}" style="max-width: 100%"/>'


def numbers(array):
    """The first rows and columns of a numpy array, as a table; of one of more than two axes, of its
    last two axes at 0, and in front of it says so."""
    index = (0,) * max(array.ndim - 2, 0)
    height, width = (1, 1, *array.shape)[-2:]
    if not array.size:
        return ""
    corner = array[index].reshape(height, width)[:MOST, :MOST]
    rows = [[f"{v:.4g}" if v.dtype.kind == "f" else str(v) for v in row] for row in corner]
    rows = [row + ["…"] * (width > MOST) for row in rows]
    rows += [["…"] * len(rows[0])] * (height > MOST)
    return (paragraphs(f"[{', '.join(map(str, index))}]") if index else "") + table(rows)
