"""Which operation each operator and method of a Tensor stands for. The engine knows no operation;
this table teaches Tensor its syntax."""

from minicnn.ops import arithmetic, matmul, reductions, shape
from minicnn.tensor import Tensor


def _dims(values):
    """reshape(2, 3) and reshape((2, 3)) mean the same."""
    return values[0] if len(values) == 1 and not isinstance(values[0], int) else values


Tensor.__add__ = arithmetic.add
Tensor.__radd__ = lambda self, other: arithmetic.add(other, self)
Tensor.__sub__ = arithmetic.sub
Tensor.__rsub__ = lambda self, other: arithmetic.sub(other, self)
Tensor.__mul__ = arithmetic.mul
Tensor.__rmul__ = lambda self, other: arithmetic.mul(other, self)
Tensor.__truediv__ = arithmetic.div
Tensor.__rtruediv__ = lambda self, other: arithmetic.div(other, self)
Tensor.__neg__ = arithmetic.neg
Tensor.__pow__ = arithmetic.pow
Tensor.__matmul__ = matmul.matmul
Tensor.__rmatmul__ = lambda self, other: matmul.matmul(other, self)
Tensor.__getitem__ = shape.index

Tensor.sum = reductions.sum
Tensor.mean = reductions.mean
Tensor.amax = reductions.amax
Tensor.reshape = lambda self, *sizes: shape.reshape(self, _dims(sizes))
Tensor.permute = lambda self, *dims: shape.permute(self, _dims(dims))
Tensor.transpose = shape.transpose
