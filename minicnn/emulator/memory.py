"""The array of the stand-in for CuPy: numbers that only kernels and the stand-in's functions touch.

It wraps a numpy array and is none. As with CuPy, mixing it with a numpy array raises TypeError, and
numpy's functions refuse it: code that runs here does not forget a copy that a GPU would need.
"""

import numpy as np

from minicnn.emulator.modes import mode

ALIGNMENT = 512  # of every array, as on a GPU


class Memory:
    """Numbers in device memory, and which of them were ever written.

    data     flat numpy array; filled with NaN, or -1, so that a missing write is seen
    written  flat bool array, or None once everything is written
    """

    def __init__(self, count, dtype):
        dtype = np.dtype(dtype)
        room = np.full(count * dtype.itemsize + ALIGNMENT, 0xFF, np.uint8)
        skip = -room.ctypes.data % ALIGNMENT
        self.data = room[skip : skip + count * dtype.itemsize].view(dtype)
        self.written = np.zeros(count, bool) if mode().checked else None


class ndarray:  # noqa: N801  the name that it has in CuPy
    """An array in device memory; `host` is the numpy array behind it, for the emulator alone."""

    __array_ufunc__ = None  # np.float32(2) * array becomes array.__rmul__
    __hash__ = None

    def __init__(self, shape, dtype=float):
        shape = (shape,) if isinstance(shape, int | np.integer) else tuple(shape)
        self.memory = Memory(int(np.prod(shape, dtype=np.int64)), dtype)
        self.host = self.memory.data.reshape(shape)

    @classmethod
    def of(cls, values):
        """A new array with a copy of `values`."""
        values = np.asarray(values)
        array = cls(values.shape, values.dtype)
        array.host[...] = values
        array.memory.written = None
        return array

    def part(self, host):
        """An array that shows a part of this one's memory."""
        array = object.__new__(ndarray)
        array.memory, array.host = self.memory, host
        return array

    def __array__(self, *args, **kwargs):
        raise TypeError(
            "Implicit conversion to a NumPy array is not allowed; use `.get()` to copy it"
        )

    shape = property(lambda self: self.host.shape)
    dtype = property(lambda self: self.host.dtype)
    ndim = property(lambda self: self.host.ndim)
    size = property(lambda self: self.host.size)
    nbytes = property(lambda self: self.host.nbytes)
    itemsize = property(lambda self: self.host.itemsize)
    strides = property(lambda self: self.host.strides)
    flags = property(lambda self: self.host.flags)
    T = property(lambda self: self.part(self.host.T))
    pointer = property(lambda self: self.host.ctypes.data)

    # --------------------------------------------------------------------- what has been written
    def written_at(self, address):
        """The address of the entry in `memory.written` for the element at `address`, or None."""
        memory = self.memory
        if memory.written is None:
            return None
        return memory.written.ctypes.data + (address - memory.data.ctypes.data) // self.itemsize

    def _mask(self):
        """The entries of `memory.written` for this array's elements, in its shape."""
        strides = [s // self.itemsize for s in self.strides]
        start = (self.pointer - self.memory.data.ctypes.data) // self.itemsize
        return np.lib.stride_tricks.as_strided(self.memory.written[start:], self.shape, strides)

    def read(self):
        """The numpy array, to be read: all of it has to be written."""
        if mode().checked and self.memory.written is not None and self.size:
            missing = self.size - np.count_nonzero(self._mask())
            if missing:
                from minicnn.emulator.compiling import KernelError

                where = tuple(int(k[0]) for k in np.nonzero(~self._mask()))
                raise KernelError(
                    f"an array {self.shape} is read, but {missing} of its elements are "
                    f"uninitialised, {list(where)} first: the kernel that fills it left them out"
                )
        return self.host

    def wrote(self):
        """Notes that all of this array has been written."""
        if self.memory.written is not None and self.size:
            self._mask()[...] = True
            if self.size == self.memory.data.size:
                self.memory.written = None
        return self

    # ------------------------------------------------------------------------------ to the host
    def get(self):
        """A copy as a numpy array."""
        return self.read().copy()

    def item(self):
        """The only element, as a Python number."""
        return self.read().item()

    def __float__(self):
        return float(self.read())

    def __int__(self):
        return int(self.read())

    def __index__(self):
        return self.read().__index__()

    def __bool__(self):
        return bool(self.read())

    def __len__(self):
        return len(self.host)

    def __iter__(self):
        return (self[k] for k in range(len(self)))

    def __repr__(self):
        return repr(self.host)

    def __getitem__(self, index):
        part = self.host[plain_index(index)]
        if isinstance(part, np.ndarray) and np.may_share_memory(part, self.host):
            return self.part(part)
        if isinstance(part, np.generic) and _basic(index):  # one element: a view of shape ()
            return self.part(self.host[(*_tuple(index), ...)])
        return ndarray.of(self.read()[plain_index(index)])

    def __setitem__(self, index, value):
        index = plain_index(index)
        self.host[index] = plain(value)
        if self.memory.written is not None:
            self._mask()[index] = True

    def fill(self, value):
        self[...] = value


def plain(value):
    """The numpy array behind a device array, to be read; other values as they are, host arrays
    refused."""
    if isinstance(value, ndarray):
        return value.read()
    if isinstance(value, list | tuple):
        return type(value)(plain(v) for v in value)
    if isinstance(value, np.ndarray):
        raise TypeError(f"Unsupported type {np.ndarray}: a host array among arrays of the device")
    return value


def _tuple(index):
    return index if isinstance(index, tuple) else (index,)


def _basic(index):
    return all(isinstance(i, int | np.integer | type(Ellipsis)) for i in _tuple(index))


def plain_index(index):
    return plain(index) if isinstance(index, ndarray | tuple | list) else index


def result(values, *sources):
    """What a numpy function made, as device arrays: a view of a source stays one, anything else is
    copied to memory of its own."""
    if isinstance(values, tuple | list):
        return type(values)(result(v, *sources) for v in values)
    if not isinstance(values, np.ndarray | np.generic):
        return values
    for source in sources:
        if isinstance(values, np.ndarray) and np.may_share_memory(values, source.host):
            return source.part(values)
    return ndarray.of(values)
