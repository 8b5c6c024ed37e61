"""Rows of texts in columns of equal width."""


def aligned(rows, line=None):
    """The rows (the first one holds the heads) as lines of text. `line`: a character of which a
    line is drawn under the heads."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    out = ["  ".join(c.ljust(w) for c, w in zip(row, widths, strict=True)).rstrip() for row in rows]
    if line:
        out.insert(1, line * (sum(widths) + 2 * (len(widths) - 1)))
    return out
