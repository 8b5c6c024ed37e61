"""register_blocks.py in the language of LLVM. The loop over k, for R rows and V vectors:

    sums[i][v] = 0                                  R V registers
    for k:
        r[v] = b[place[k] + v ...]                  V vectors
        for i:  sums[i][v] += a number of a * r[v]  the number in all lanes of a vector
    c[i, v] (+)= sums[i][v]

Only loads and stores name addresses; what LLVM calls a phi is a variable of a loop.
"""

from llvmlite import ir
from numba import types
from numba.extending import intrinsic as numba_intrinsic

from minicnn.ops.fast import register_moves_llvm
from minicnn.ops.fast.register_moves_llvm import FLOATS, INT


def intrinsic(name, shape, complex_shapes):
    """The Numba function `name` of register_blocks.py for blocks of this shape."""
    if name == "panel_block":

        def block(typing, a, b, place, c, fresh):
            return types.void(a, b, place, c, fresh), _code(shape, packed=True)
    elif name == "rows_block":

        def block(typing, a, row, b, place, c, fresh):
            return types.void(a, row, b, place, c, fresh), _code(shape, packed=False)
    elif name == "complex_block":
        size = *complex_shapes[shape[2]], shape[2]

        def block(typing, a, b, row, c, d, place, real, imaginary):
            return types.void(a, b, row, c, d, place, real, imaginary), _complex_code(size)
    else:
        code = getattr(register_moves_llvm, name)

        def block(typing, b, place, out, step, count):
            return types.void(b, place, out, step, count), code

    block.__name__ = name
    return numba_intrinsic(block)


def _code(shape, packed):
    def generate(context, builder, signature, arguments):
        arrays = []
        for kind, value in zip(signature.args[:-1], arguments[:-1], strict=True):
            arrays.append(context.make_array(kind)(context, builder, value))
        a, *row, b, place, c = arrays
        dtype = signature.args[-2].dtype
        starts = [row[0].data] if row else []
        depth = builder.extract_value(place.shape, 0)
        for loop in _loops(builder, dtype, shape, c):
            step = _row_step(builder, dtype, c)
            loop.run(a.data, starts, b.data, place.data, depth, c.data, step, arguments[-1])
        return context.get_dummy_value()

    return generate


def _complex_code(shape):
    def generate(context, builder, signature, arguments):
        a, b, row, c, d, place, *results = (
            context.make_array(kind)(context, builder, value)
            for kind, value in zip(signature.args, arguments, strict=True)
        )
        dtype, depth = signature.args[-1].dtype, builder.extract_value(place.shape, 0)
        for loop in _loops(builder, dtype, shape, results[0]):
            outs = [(out.data, _row_step(builder, dtype, out)) for out in results]
            loop.run_complex(a.data, b.data, row.data, c.data, d.data, place.data, depth, outs)
        return context.get_dummy_value()

    return generate


def _row_step(builder, dtype, matrix):
    """How many numbers lie between two rows of a matrix."""
    return builder.sdiv(builder.extract_value(matrix.strides, 0), INT(dtype.bitwidth // 8))


def _loops(builder, dtype, shape, matrix):
    """A _Loop for each number of vectors that a row of `matrix` may have; what is built before the
    next one is asked for runs if it has so many."""
    rows, most, size = shape
    numbers = size // (dtype.bitwidth // 8)
    end = builder.append_basic_block("end")
    cases = [builder.append_basic_block(f"vectors{v}") for v in range(1, most + 1)]
    switch = builder.switch(builder.extract_value(matrix.shape, 1), end)
    for v, case in enumerate(cases, start=1):
        switch.add_case(INT(v * numbers), case)
    for v, case in enumerate(cases, start=1):
        builder.position_at_end(case)
        yield _Loop(builder, FLOATS[dtype], numbers, rows, v)
        builder.branch(end)
    builder.position_at_end(end)


class _Loop:
    """The loop for blocks of so many rows and vectors."""

    def __init__(self, builder, number, numbers, rows, vectors):
        self.builder, self.rows, self.vectors = builder, range(rows), range(vectors)
        self.number, self.numbers, self.vector = number, numbers, ir.VectorType(number, numbers)
        name = f"llvm.fma.v{numbers}f{32 if number == ir.FloatType() else 64}"
        kind = ir.FunctionType(self.vector, [self.vector] * 3)
        known = builder.module.globals
        self.fma = known[name] if name in known else ir.Function(builder.module, kind, name)

    def at(self, base, *offsets):
        """The address `base` plus the sum of the offsets, in numbers."""
        for offset in offsets:
            base = self.builder.gep(base, [offset])
        return base

    def vector_at(self, address):
        return self.builder.bitcast(address, self.vector.as_pointer())

    def load(self, address):
        return self.builder.load(self.vector_at(address), align=4)

    def in_all_lanes(self, number):
        some = ir.Constant(self.vector, ir.Undefined)
        first = self.builder.insert_element(some, number, ir.IntType(32)(0))
        zeros = ir.Constant(ir.VectorType(ir.IntType(32), self.numbers), [0] * self.numbers)
        return self.builder.shuffle_vector(first, some, zeros)

    def run(self, a, starts, b, place, depth, c, row_step, fresh):
        build, cells = self.builder, [(i, v) for i in self.rows for v in self.vectors]
        places = {
            (i, v): self.at(c, build.mul(row_step, INT(i)), INT(v * self.numbers)) for i, v in cells
        }
        rows = [build.load(self.at(starts[0], INT(i))) for i in self.rows] if starts else None
        before = build.block
        loop, adding, after = (build.append_basic_block(n) for n in ("loop", "add", "write"))
        build.branch(loop)

        build.position_at_end(loop)
        k = build.phi(INT)
        sums = {cell: build.phi(self.vector) for cell in cells}
        k.add_incoming(INT(0), before)
        for cell in cells:
            sums[cell].add_incoming(ir.Constant(self.vector, [0.0] * self.numbers), before)
        first = build.load(self.at(place, k))
        right = [self.load(self.at(b, first, INT(v * self.numbers))) for v in self.vectors]
        new = {}
        for i in self.rows:
            if rows is None:
                number = build.load(self.at(a, build.mul(k, INT(len(self.rows))), INT(i)))
            else:
                number = build.load(self.at(a, rows[i], k))
            left = self.in_all_lanes(number)
            for v in self.vectors:
                new[i, v] = build.call(self.fma, [left, right[v], sums[i, v]])
        following = build.add(k, INT(1))
        k.add_incoming(following, loop)
        for cell in cells:
            sums[cell].add_incoming(new[cell], loop)
        done = build.append_basic_block("done")
        build.cbranch(build.icmp_signed("<", following, depth), loop, done)
        build.position_at_end(done)
        build.cbranch(fresh, after, adding)

        build.position_at_end(adding)  # as a whole: a long sum is made of short ones
        total = {cell: build.fadd(self.load(places[cell]), new[cell]) for cell in cells}
        build.branch(after)

        build.position_at_end(after)
        for cell in cells:
            result = build.phi(self.vector)
            result.add_incoming(new[cell], done)
            result.add_incoming(total[cell], adding)
            total[cell] = result
        for cell in cells:
            build.store(total[cell], self.vector_at(places[cell]), align=4)

    def run_complex(self, a, b, starts, c, d, place, depth, outs):
        """Two sums for each result, its real and its imaginary part; `outs` says where both go."""
        build, cells = self.builder, [(i, v) for i in self.rows for v in self.vectors]
        rows = [build.load(self.at(starts, INT(i))) for i in self.rows]
        before, loop, after = build.block, *(build.append_basic_block(n) for n in ("loop", "write"))
        zeros = ir.Constant(self.vector, [0.0] * self.numbers)
        build.branch(loop)

        build.position_at_end(loop)
        k = build.phi(INT)
        k.add_incoming(INT(0), before)
        sums = {(part, *cell): build.phi(self.vector) for part in (0, 1) for cell in cells}
        for one in sums.values():
            one.add_incoming(zeros, before)
        first, new = build.load(self.at(place, k)), {}
        right = [
            [self.load(self.at(m, first, INT(v * self.numbers))) for v in self.vectors]
            for m in (c, d)
        ]
        for i in self.rows:
            w, x = (self.in_all_lanes(build.load(self.at(m, rows[i], k))) for m in (a, b))
            for v in self.vectors:
                y, z = right[0][v], right[1][v]
                real = build.call(self.fma, [w, y, sums[0, i, v]])
                imaginary = build.call(self.fma, [w, z, sums[1, i, v]])
                new[0, i, v] = build.call(self.fma, [build.fneg(x), z, real])
                new[1, i, v] = build.call(self.fma, [x, y, imaginary])
        following = build.add(k, INT(1))
        k.add_incoming(following, loop)
        for cell, one in sums.items():
            one.add_incoming(new[cell], loop)
        build.cbranch(build.icmp_signed("<", following, depth), loop, after)

        build.position_at_end(after)
        for (part, i, v), one in new.items():
            out, step = outs[part]
            to = self.at(out, build.mul(step, INT(i)), INT(v * self.numbers))
            build.store(one, self.vector_at(to), align=4)
