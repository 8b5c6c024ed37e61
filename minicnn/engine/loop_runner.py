"""The machine code that runs parts of a loop on all threads of Numba's pool.

    shared    what all threads see: what is captured, how many rounds, how many parts, which of them
              is the next, whether one failed
    work      of one thread: takes the next part (an atomic addition, so that nobody else gets it)
              as long as there is one

Each thread gets PARTS parts if all are equally fast; one that is held up gets fewer. Which thread
computes which rounds changes no bit of the result: no two of them write to the same place.

The pool is the one that Numba's own parallel loops use (numba/np/ufunc: `numba_parallel_for`).
"""

import contextlib
import os
import threading

PARTS = 4  # for each thread: the more, the less is waited for, and the more often one is fetched

_pool = threading.RLock()
os.register_at_fork(after_in_child=_pool._at_fork_reinit)  # who holds it is not in the child


def one_at_a_time():
    """To hold while a kernel runs: a lock, where Numba's pool is of the kind that ends the process
    when two Python threads use it at once (or might be: which kind, the first loop decides)."""
    from numba.np.ufunc import parallel

    alone = parallel._threading_layer in (None, "workqueue")
    return _pool if alone else contextlib.nullcontext()


def runner(part):
    """What compiled code calls as run(count, (x, y, ...)): part(x, y, ..., first, last) for ranges
    that make up 0 .. count - 1. Raises MemoryError where a part failed."""
    from numba.core import types
    from numba.core.typing import signature
    from numba.extending import intrinsic
    from numba.np.ufunc.parallel import _launch_threads

    _launch_threads()  # before code is loaded that calls the pool

    @intrinsic
    def run(typing, count, captured):
        values = [types.unliteral(one) for one in captured.types]
        # unsigned, as the rounds of prange are: an index is then not asked whether it is negative
        of_part = types.void(*values, types.uintp, types.uintp)

        def code(context, builder, kinds, arguments):
            _run(context, builder, part, of_part, kinds.args[0], arguments)
            return context.get_dummy_value()

        return signature(types.void, count, captured), code

    return run


def _run(context, builder, part, of_part, type_of_count, arguments):
    from llvmlite import ir
    from numba.core import cgutils, types

    whole, pointer, void = cgutils.intp_t, cgutils.voidptr_t, ir.VoidType()
    count = context.cast(builder, arguments[0], type_of_count, types.intp)
    threads = _c_function(builder, "get_num_threads", whole, [])([])
    most = builder.mul(threads, whole(PARTS))
    parts = builder.select(builder.icmp_signed("<", count, most), count, most)
    fields = [arguments[1], count, parts, whole(0), whole(0)]
    shared = cgutils.alloca_once(builder, ir.LiteralStructType([f.type for f in fields]))
    for k, value in enumerate(fields):
        builder.store(value, cgutils.gep_inbounds(builder, shared, 0, k))
    work = _work(context, builder, part, of_part, shared.type)
    of_sizes = whole.as_pointer()
    kinds = [pointer, pointer.as_pointer(), of_sizes, of_sizes, pointer, whole, whole]
    pool = _c_function(builder, "numba_parallel_for", void, [*kinds, ir.IntType(32)])
    # as many calls of `work` as threads: sizes and (of no array) strides of what the pool divides
    once = cgutils.alloca_once_value(builder, threads)
    given = [builder.bitcast(work, pointer), cgutils.get_null_value(kinds[1]), once, once]
    given += [builder.bitcast(shared, pointer), whole(0), whole(0)]
    # Python's other threads go on meanwhile; and a part may want its lock for a moment (np.dot)
    python = context.get_python_api(builder)
    lock, state = python.gil_ensure(), python.save_thread()
    pool([*given, builder.trunc(threads, ir.IntType(32))])
    python.restore_thread(state)
    python.gil_release(lock)
    failed = builder.load(cgutils.gep_inbounds(builder, shared, 0, 4))
    with cgutils.if_unlikely(builder, cgutils.is_not_null(builder, failed)):
        said = (
            "a part of a loop failed, most likely for lack of memory; NUMBA_DISABLE_JIT=1 tells",
        )
        context.call_conv.return_user_exc(builder, MemoryError, said)


def _work(context, builder, part, of_part, type_of_shared):
    """The function of one thread, of the kind that the pool calls."""
    from llvmlite import ir
    from numba.core import cgutils, compiler

    flags = compiler.Flags()
    flags.nrt, flags.error_model = True, "numpy"
    flags.noalias = True  # outputs are no inputs, which Numba's own parallel loops assume as well
    # what Numba keeps would be found by the text of the part, whatever its globals are by now
    found = context.compile_subroutine(builder, part, of_part, flags=flags, caching=False)
    whole, pointer = cgutils.intp_t, cgutils.voidptr_t
    of_sizes, module = whole.as_pointer(), builder.module
    kind = ir.FunctionType(ir.VoidType(), [pointer.as_pointer(), of_sizes, of_sizes, pointer])
    work = ir.Function(module, kind, module.get_unique_name(f"work_{part.__name__}"))
    work.linkage = "internal"
    begin, fetch, compute, end = (
        work.append_basic_block(name) for name in ("begin", "fetch", "compute", "end")
    )
    inner = ir.IRBuilder(begin)
    shared = inner.bitcast(work.args[3], type_of_shared)
    captured, count, parts, following, failed = (
        cgutils.gep_inbounds(inner, shared, 0, k) for k in range(5)
    )
    captured, count, parts = inner.load(captured), inner.load(count), inner.load(parts)
    captured = cgutils.unpack_tuple(inner, captured)
    captured = [
        _uncounted(context, inner, *one) for one in zip(of_part.args, captured, strict=False)
    ]
    inner.branch(fetch)
    inner.position_at_end(fetch)
    k = inner.atomic_rmw("add", following, whole(1), "monotonic")
    inner.cbranch(inner.icmp_signed("<", k, parts), compute, end)
    inner.position_at_end(compute)
    first = inner.sdiv(inner.mul(k, count), parts)
    last = inner.sdiv(inner.mul(inner.add(k, whole(1)), count), parts)
    given = [*captured, first, last]
    status, _ = context.call_internal_no_propagate(inner, found.fndesc, of_part, given)
    with cgutils.if_unlikely(inner, status.is_error):
        inner.store(whole(1), failed)
    inner.branch(fetch)
    inner.position_at_end(end)
    inner.ret_void()
    return work


def _uncounted(context, builder, kind, value):
    """An array that does not know who holds it, other values as they are. The loop holds it until
    all parts have ended. Each slice of it would be counted in one place for all threads, which
    would wait for one another there, longer than for the numbers of a short line."""
    from numba.core import cgutils, types

    if not isinstance(kind, types.Array):
        return value
    array = context.make_array(kind)(context, builder, value)
    array.meminfo = cgutils.get_null_value(array.meminfo.type)
    return array._getvalue()


def _c_function(builder, name, result, kinds):
    """A function of Numba's library, to be called with a list of values."""
    from llvmlite import ir
    from numba.core import cgutils

    kind = ir.FunctionType(result, kinds)
    function = cgutils.get_or_insert_function(builder.module, kind, name)
    return lambda values: builder.call(function, values)
