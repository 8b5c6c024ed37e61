"""What moves sixteen numbers at a time, gather_rows and turn_over of register_blocks.py, in the
language of LLVM."""

from llvmlite import ir
from numba import types
from numba.core import cgutils

INT = ir.IntType(64)
FLOATS = {types.float32: ir.FloatType(), types.float64: ir.DoubleType()}


def _arguments(context, builder, signature, arguments):
    """(b, place, out, step, count, the type of sixteen numbers)"""
    arrays = (
        context.make_array(kind)(context, builder, value).data
        for kind, value in zip(signature.args[:3], arguments[:3], strict=True)
    )
    return *arrays, *arguments[3:], ir.VectorType(FLOATS[signature.args[0].dtype], 16)


def _vector(builder, address, offset, vector):
    return builder.bitcast(builder.gep(address, [offset]), vector.as_pointer())


def gather_rows(context, builder, signature, arguments):
    b, place, out, step, vectors, sixteen = _arguments(context, builder, signature, arguments)
    rows = context.make_array(signature.args[1])(context, builder, arguments[1]).shape
    with cgutils.for_range(builder, builder.extract_value(rows, 0)) as k:
        first = builder.load(builder.gep(place, [k.index]))
        to = builder.mul(k.index, step)
        with cgutils.for_range(builder, vectors) as v:
            offset = builder.mul(v.index, INT(16))
            source = _vector(builder, b, builder.add(first, offset), sixteen)
            target = _vector(builder, out, builder.add(to, offset), sixteen)
            builder.store(builder.load(source, align=4), target, align=4)
    return context.get_dummy_value()


def turn_over(context, builder, signature, arguments):
    """Rows i and i + d swap the numbers j and j + d, for d = 1, 2, 4, 8."""
    b, place, out, step, count, sixteen = _arguments(context, builder, signature, arguments)
    starts = [builder.load(builder.gep(place, [INT(k)])) for k in range(16)]
    rows = [builder.load(_vector(builder, b, start, sixteen), align=4) for start in starts]
    for d in 1, 2, 4, 8:
        for i in (i for i in range(16) if not i & d):
            upper = [16 + j - d if j & d else j for j in range(16)]  # 16 and more: of the other row
            lower = [16 + j if j & d else j + d for j in range(16)]
            pair = rows[i], rows[i + d]
            for k, mask in (i, upper), (i + d, lower):
                constant = ir.Constant(ir.VectorType(ir.IntType(32), 16), mask)
                rows[k] = builder.shuffle_vector(*pair, constant)
    for j, row in enumerate(rows):
        with builder.if_then(builder.icmp_signed("<", INT(j), count)):
            builder.store(row, _vector(builder, out, builder.mul(step, INT(j)), sixteen), align=4)
    return context.get_dummy_value()
