"""What a network has learnt, and what it sees in one picture."""

import numpy as np

from minicnn.figures.labelled import proportions
from minicnn.figures.style import TEXT
from minicnn.images.colour import RGB_TO_YUV
from minicnn.images.normalise import PLANES

WIDTH = 11.0  # inches, of the filters
ROW = 2.1  # inches, of a line of maps
YUV_TO_RGB = np.linalg.inv(RGB_TO_YUV)


def filters(network, most=64):
    """The filters of every convolution that looks at more than one pixel.

    The first stage, which sees a picture as Y, U and V, is turned back into colours: a filter is
    shown as the patch that it answers to; where it sees them twice, normalised locally and as they
    are, as two patches. Of later stages each tile is the filter between one input map and one
    output map, red where positive and blue where negative, at most `most` of the strongest of them.
    Returns a Figure with one set of tiles for each convolution.
    """
    from matplotlib.figure import Figure

    sheets, columns = [], 16
    for k, (weight, on_picture) in enumerate(_kernels(network).values(), start=1):
        size = f"{weight.shape[-2]}x{weight.shape[-1]}"
        if on_picture:
            is_rgb = network.options.get("normalise", "picture") == "picture"
            views = [weight[:, c : c + 3] for c in range(0, weight.shape[1], 3)]
            tiles = [tile for view in views for tile in _coloured(view, is_rgb)]
            text = f"stage {k}: {len(weight)} filters {size}, in the colours that they answer to"
            if len(views) > 1:
                text += ": to edges, then to areas"
        else:
            tiles, total = _signed(weight, most), int(np.prod(weight.shape[:-2]))
            which = f"the strongest {len(tiles)} of {total}" if len(tiles) < total else f"{total}"
            text = f"stage {k}: {which} filters {size} from map to map (red +, blue -)"
        sheets.append((text, mosaic(tiles, columns)))
    heights = [WIDTH * sheet.shape[0] / sheet.shape[1] for _, sheet in sheets]
    figure = Figure(
        figsize=(WIDTH, sum(heights) + 0.45 * len(sheets)), dpi=110, layout="constrained"
    )
    cells = figure.subplots(len(sheets), 1, squeeze=False, height_ratios=heights)[:, 0]
    for axes, (text, sheet) in zip(cells, sheets, strict=True):
        axes.imshow(sheet, interpolation="nearest")
        axes.set_title(text, fontsize=TEXT, loc="left")
        axes.axis("off")
    return figure


def feature_maps(network, image, most=12):
    """What each stage makes of one picture (uint8 (H, W, 3)) at each scale, as a Figure: the maps
    that vary most, at most `most` of a stage, the brighter the stronger the answer."""
    from matplotlib.figure import Figure

    names = list(_kernels(network))
    with network.watch(names) as seen:
        network.predict(image)
    scales, columns = len(seen[names[0]]), 4
    zoom = getattr(network, "step", 2)  # how much smaller the picture gets from look to look
    rows = -(-most // columns)
    # Everything in a line of the figure is equally high, the mosaics a little wider.
    width = max(2.4, ROW / proportions(image.shape))  # room for the titles
    widths = [width] + [max(3.4, width * columns / rows)] * len(names)
    figure = Figure(
        figsize=(sum(widths) + 0.3, scales * (ROW + 0.42)), dpi=110, layout="constrained"
    )
    cells = figure.subplots(scales, len(widths), squeeze=False, width_ratios=widths)
    for scale in range(scales):
        cells[scale, 0].imshow(image[:: zoom**scale, :: zoom**scale])
        titles = ["input" if scale == 0 else f"at 1/{zoom**scale}"]
        for k, name in enumerate(names, start=1):
            maps = seen[name][scale].numpy()[0]
            if network.options.get("nonlinearity") == "relu":
                maps = np.maximum(maps, 0)  # what the next stage gets to see
            order = np.argsort(-maps.std(axis=(1, 2)), kind="stable")[:most]
            tiles = [grey(maps[j]) for j in order]
            cells[scale, k].imshow(mosaic(tiles, columns, rows), cmap="gray", vmin=0, vmax=1)
            titles.append(
                f"stage {k}: {len(tiles)} of {len(maps)} maps {maps.shape[2]}x{maps.shape[1]}"
            )
        for axes, text in zip(cells[scale], titles, strict=True):
            axes.set_title(text, fontsize=TEXT, loc="left")
            axes.axis("off")
    return figure


def mosaic(tiles, columns, rows=None):
    """Tiles, all float (h, w) or (h, w, 3) in 0..1 and of one size, in rows, white between them."""
    height, width = tiles[0].shape[:2]
    gap = max(1, width // 40)
    rows = rows or -(-len(tiles) // columns)
    sheet = np.ones(
        (rows * (height + gap) - gap, columns * (width + gap) - gap, *tiles[0].shape[2:])
    )
    for k, tile in enumerate(tiles):
        y, x = k // columns * (height + gap), k % columns * (width + gap)
        sheet[y : y + height, x : x + width] = tile
    return sheet


def _kernels(network):
    """{path: (weight, whether its input is the picture)} of the convolutions larger than 1x1, in
    order. A weight is (out, in, kh, kw), or (edges, kh, kw) along a table between maps."""
    options = getattr(network, "options", {})
    found, seen = {}, PLANES[options.get("normalise", "local")]
    for path, module in network.named_modules():
        weight = getattr(module, "weight", None)
        if weight is None or weight.ndim < 3 or weight.shape[-1] == 1:
            continue
        if weight.ndim == 3 and not hasattr(module, "table"):  # linear classifiers side by side
            continue
        weight, table = weight.numpy(), getattr(module, "table", None)
        if not found and getattr(network, "reads_itself", False):
            weight = weight[:, -seen:]  # the others look at what was said before
        inputs = weight.shape[1] if table is None else table[:, 0].max() + 1
        on_picture = not found and inputs == seen
        found[path] = (
            (_dense(weight, table) if on_picture and table is not None else weight),
            on_picture,
        )
    if not found:
        raise ValueError("this network has no convolution that looks at more than one pixel")
    return found


def _dense(weight, table):
    """The filters (out, 3, kh, kw) of a convolution along a table, zero where it has no edge."""
    full = np.zeros((table[:, 1].max() + 1, 3, *weight.shape[1:]), weight.dtype)
    np.add.at(full, (table[:, 1], table[:, 0]), weight)
    return full


def _coloured(weight, is_rgb):
    """Filters (out, 3, kh, kw) on Y, U, V, or on R, G, B, as colours around grey, each in its own
    full range."""
    rgb = np.einsum("cy,oyhw->ohwc", np.eye(3) if is_rgb else YUV_TO_RGB, weight)
    largest = np.abs(rgb).max(axis=(1, 2, 3), keepdims=True)
    return list(0.5 + 0.5 * rgb / np.maximum(largest, 1e-12))


def _signed(weight, most):
    """The strongest single filters (kh, kw), red where positive, blue where negative."""
    from matplotlib import colormaps

    single = weight.reshape(-1, *weight.shape[-2:])
    order = np.argsort(-np.abs(single).sum(axis=(1, 2)), kind="stable")[:most]
    largest = np.abs(single).max(axis=(1, 2), keepdims=True)
    scaled = 0.5 + 0.5 * single / np.maximum(largest, 1e-12)
    return [colormaps["RdBu_r"](scaled[k])[..., :3] for k in order]


def grey(plane):
    """A map in 0..1 by its own extremes; a handful of bright pixels may not darken the rest."""
    low, high = np.percentile(plane, (2, 98))
    return np.clip((plane - low) / max(high - low, 1e-12), 0, 1)


def planes(levels, names):
    """What a network is given, as a Figure: a line for each plane (named in `names`), a column for
    each of the levels, float arrays (C, h, w); grey is 0, all in one range."""
    from matplotlib.figure import Figure

    largest = max(float(np.percentile(np.abs(level), 99)) for level in levels)
    aspect = 1 / proportions(levels[0].shape[1:])
    figure = Figure(
        figsize=(ROW * aspect * len(levels) + 0.2, (ROW + 0.35) * len(names)),
        dpi=110,
        layout="constrained",
    )
    cells = figure.subplots(len(names), len(levels), squeeze=False)
    for k, level in enumerate(levels):
        for c, name in enumerate(names):
            axes = cells[c, k]
            axes.imshow(level[c], cmap="gray", vmin=-largest, vmax=largest)
            axes.set_title(f"{name}, {level.shape[2]}x{level.shape[1]}", fontsize=TEXT, loc="left")
            axes.axis("off")
    return figure
