"""What a kernel says of its arguments: names, shapes and types, in one line.

    "x[N, C*groups, H, W], w[F, C, K, L], b[F], groups, y[N, F, OH, OW]; OH <= H"

Compiled loops, and those on a GPU, do not look where an array ends: beside an array that is too
short they read, and write, what belongs to somebody else. So before a kernel runs its arguments
are compared with this line.

    y[N, C]         an array of the kernel's floating dtype. A name is the size that it has where it
                    stands first, or one of the numbers among the arguments; anything else is
                    computed from both, also with the functions below
    y[...]          any shape, the same wherever it stands in the line
    int32 where[N]  an array of another type
    stride          a number, or several
    ; condition     what else must hold; `highest(rows)` is the largest number in an array of
                    places, `lowest(rows)` the smallest
"""

import numpy as np

PLAIN = {int, float, bool, tuple, type(None)}  # kinds of arguments that are no arrays


def windows(size, window, stride, padding, dilation=1):
    """How many windows there are along one axis."""
    return (size + 2 * padding - dilation * (window - 1) - 1) // stride + 1


def pooled(count, size, window, stride, padding, dilation=1):
    """Whether `count` windows may be those of a pooling along one axis: with ceil_mode there may be
    one more for the rest that is no whole stride, if it begins inside of the picture or in the
    padding before it."""
    least = windows(size, window, stride, padding, dilation)
    rest = (size + 2 * padding - dilation * (window - 1) - 1) % stride
    return count == least or (count == least + 1 and rest and least * stride < size + padding)


def highest(places):
    """The largest number in an array of places, -1 in none. On a GPU nobody asks: it would mean to
    wait for all that runs there."""
    return int(places.max(initial=-1)) if isinstance(places, np.ndarray) else -1


def lowest(places):
    """The smallest number in an array of places, or 0; on a GPU 0."""
    return int(places.min(initial=0)) if isinstance(places, np.ndarray) else 0


FUNCTIONS = {"windows": windows, "pooled": pooled, "highest": highest, "lowest": lowest}
FUNCTIONS |= {"min": min, "max": max}
FUNCTIONS["__builtins__"] = {}
REMEMBERED = 1000  # calls of a kernel


def arrays_among(args, kernel):
    """The arrays among the arguments of a kernel. Raises ValueError for one that is not contiguous,
    TypeError where they are of several floating dtypes."""
    arrays = []
    for position, a in enumerate(args):
        if type(a) in PLAIN or not hasattr(a, "ndim") or isinstance(a, np.generic):
            continue
        if not a.flags.c_contiguous:
            raise ValueError(f"kernel {kernel}: argument {position} is not C-contiguous")
        arrays.append(a)
    floats = {a.dtype for a in arrays if a.dtype.kind == "f"}
    if len(floats) > 1:
        names = sorted(dtype.name for dtype in floats)
        raise TypeError(f"kernel {kernel}: arrays of {names}; one dtype is expected")
    return arrays


class Shapes:
    """The declaration of one kernel, ready to compare arguments with."""

    def __init__(self, text):
        self.text = " ".join(text.split())
        arguments, *conditions = self.text.split(";")
        self.arguments = [_Argument(part) for part in _parts(arguments)]
        self.conditions = [(c.strip(), compile(c.strip(), c, "eval")) for c in conditions]
        codes = [code for _, code in self.conditions]
        codes += [code for a in self.arguments for _, code in a.computed]
        used = {name for code in codes for name in code.co_names}
        used |= {name for a in self.arguments for _, name in a.named}
        self._counting = [
            k for k, a in enumerate(self.arguments) if a.dims is None and a.name in used
        ]
        self._arrays = [k for k, a in enumerate(self.arguments) if a.dims is not None]
        self._fitting = (
            None if {"highest", "lowest"} & used else set()
        )  # calls that were found right before

    def check(self, kernel, args):
        """Raises ValueError, or TypeError, with the name and the shape that does not fit."""
        if len(args) != len(self.arguments):
            raise TypeError(
                f"kernel {kernel}: {len(args)} arguments, but it takes {len(self.arguments)}: "
                f"{self.text}"
            )
        key = None
        if self._fitting is not None:  # a training asks the same again and again
            key = self._key(args)
            if key in self._fitting:
                return
        self._compare(kernel, args)
        if key is not None and len(self._fitting) < REMEMBERED:
            self._fitting.add(key)

    def _key(self, args):
        """All that the comparison looks at."""
        arrays = [args[k] for k in self._arrays]
        seen = [(a.shape, a.dtype) if hasattr(a, "shape") else a is None for a in arrays]
        return (*seen, *(args[k] for k in self._counting))

    def _compare(self, kernel, args):
        known = {argument.name: value for argument, value in zip(self.arguments, args, strict=True)}
        arrays = [a for a in self.arguments if a.dims is not None and known[a.name] is not None]
        sizes = {}  # name -> the argument that it was read from
        for argument in arrays:
            argument.read_sizes(kernel, known, sizes)
        for argument in arrays:
            for place, code in argument.computed:
                size, expected = known[argument.name].shape[place], eval(code, FUNCTIONS, known)
                if size != expected:
                    raise ValueError(
                        f"kernel {kernel}: {argument} has the shape {known[argument.name].shape}, "
                        f"where {size} should be {expected}"
                    )
        for text, code in self.conditions:
            if not eval(code, FUNCTIONS, known):
                got = ", ".join(
                    f"{a.name} {getattr(known[a.name], 'shape', known[a.name])}"
                    for a in self.arguments
                )
                raise ValueError(f"kernel {kernel}: «{text}» does not hold for {got}")


class _Argument:
    """`int32 where[N, C]`: dims is None for a number."""

    def __init__(self, text):
        head, bracket, inside = text.strip().partition("[")
        *dtype, self.name = head.split()
        self.text, self.dtype = text.strip(), np.dtype(dtype[0]) if dtype else None
        dims = [d.strip() for d in _parts(inside[:-1])]
        self.dims = dims if bracket else None
        self.any_shape = dims == ["..."]
        self.named = [(k, d) for k, d in enumerate(dims) if d.isidentifier()]
        self.computed = [
            (k, compile(d, d, "eval"))
            for k, d in enumerate(dims)
            if not d.isidentifier() and d != "..."
        ]

    def __str__(self):
        return self.text

    def read_sizes(self, kernel, known, sizes):
        """Adds to `known` the sizes that have their first place here, and compares the others."""
        array = known[self.name]
        shape = getattr(array, "shape", None)
        if shape is None:
            raise TypeError(f"kernel {kernel}: {self} is a {type(array).__name__}, not an array")
        self._check_dtype(kernel, array.dtype)
        if not self.any_shape and len(shape) != len(self.dims):
            raise ValueError(f"kernel {kernel}: {self} has the shape {shape}")
        for name, size in (
            [("...", shape)] if self.any_shape else [(d, shape[k]) for k, d in self.named]
        ):
            if name not in known:
                known[name], sizes[name] = size, self
            elif known[name] != size:
                first = sizes.get(name)  # or it is one of the numbers
                there = (
                    f"{first} has {known[first.name].shape}"
                    if first
                    else f"{name} is {known[name]}"
                )
                raise ValueError(f"kernel {kernel}: {self} has the shape {shape}, but {there}")

    def _check_dtype(self, kernel, dtype):
        if self.dtype is None and dtype.char not in "fd":
            raise TypeError(
                f"kernel {kernel}: {self} holds {dtype}; kernels compute with float32 or float64; "
                "convert it first, with .to(dtype=np.float32)"
            )
        if self.dtype is not None and dtype != self.dtype:
            raise TypeError(f"kernel {kernel}: {self} holds {dtype}")


def _parts(text):
    """The parts between the commas that stand in no brackets."""
    parts, depth = [""], 0
    for character in text:
        depth += (character in "[(") - (character in "])")
        if character == "," and not depth:
            parts.append("")
        else:
            parts[-1] += character
    return [p for p in parts if p.strip()]
