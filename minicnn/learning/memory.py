"""How much memory a training would take, before it is taken.

A network that is too large does not fail at once: it fills the memory, and the machine stands
still. So weights are counted and maps are estimated beforehand, and what will not fit is refused.
"""

from pathlib import Path

from minicnn import models
from minicnn.learning.world import world
from minicnn.nn import init
from minicnn.nn.receptive_fields import layers

# Of the weights there are the gradients, the velocities, the best so far, and what a checkpoint is
# written from; of every map, its gradient. Measured, 240x320, width 0.25 to 4: this and some more.
WEIGHTS, MAPS = 6, 2
CROPS = ("pictures", "regions")  # tasks whose networks see squares of their own size
TRIAL = 64  # side of the picture whose maps are counted


def available():
    """Bytes that this process may still take, or None where the system does not say."""
    found = [_free(), _left_in_group("memory.max", "memory.current")]
    found += [_left_in_group("memory/memory.limit_in_bytes", "memory/memory.usage_in_bytes")]
    return min((n for n in found if n is not None), default=None)


def check(needed, what, advice):
    """ValueError with this advice if so many bytes are more than there are."""
    free, beside = available(), world().beside
    if free is not None and needed > free / beside:
        each = f" for each of {beside} processes" if beside > 1 else ""
        raise ValueError(
            f"{what} would take about {needed / 1e9:.1f} GB of memory, and "
            f"{free / beside / 1e9:.1f} GB are free{each}: {advice}"
        )


def check_training(model, classes, options, long_side, batch=1):
    """ValueError if a network with these options, on pictures with this long side (None: unknown),
    or on `batch` crops of its own size, is too large to be trained here. Draws random numbers: seed
    afterwards."""
    cls, _ = models.find(model)
    with init.shapes_only():
        network = cls(classes, **options)
    weights = 4 * sum(p.size for p in network.parameters())
    large = [k for k, v in cls.DEFAULTS.items() if _is_number(v) and options[k] > v]
    large = large or [k for k in ("width", "maps", "rounds") if k in options][:1]
    named = ", ".join(f"{name}={options[name]:g}" for name in large)
    what, advice = f"training {model} with {named}", f"give a smaller {' or '.join(large)}"
    check(WEIGHTS * weights, what, advice)
    if cls.task in CROPS:
        pixels, more = batch * options["size"] ** 2, f" and batch={batch}"
        advice += ", or a smaller batch"
    elif long_side is not None:
        pixels, more = long_side * long_side * 3 / 4, f" on pictures of {long_side} pixels"
        advice += ", or smaller pictures"
    else:
        return
    maps = MAPS * pixels * _bytes_per_pixel(cls, classes, options)
    check(WEIGHTS * weights + maps, what + more, advice)


def _bytes_per_pixel(cls, classes, options):
    """Of all maps that a network makes of a picture: counted in a narrow network, for their number
    grows as its width. (A network without a width looks at its memory itself.)"""
    if "width" not in options:
        return 0
    narrow = min(0.125, options["width"])
    side = options["size"] if cls.task in CROPS else TRIAL
    rows = layers(cls(classes, **options | {"width": narrow}), (side, side))
    rows = [row for row in rows if len(row.output) == 4]  # maps
    cells = sum(row.output[1] / (row.every[0] * row.every[1]) for row in rows)
    return 4 * cells * options["width"] / narrow


def _is_number(value):
    return isinstance(value, int | float) and not isinstance(value, bool)


def _free():
    """What Linux could give without swapping."""
    try:
        lines = Path("/proc/meminfo").read_text().splitlines()
    except OSError:
        return None
    return next((int(v.split()[1]) * 1024 for v in lines if v.startswith("MemAvailable")), None)


def _left_in_group(limit, used):
    """What the control group, a container's for instance, still allows."""
    root = Path("/sys/fs/cgroup")
    try:
        left = int((root / limit).read_text()) - int((root / used).read_text())
        stat = (root / used).with_name("memory.stat").read_text().split()
    except (OSError, ValueError):  # none, or "max"
        return None
    files = dict(zip(stat[::2], stat[1::2], strict=False))  # what was read, and can be given back
    return left + int(files.get("total_inactive_file", files.get("inactive_file", 0)))
