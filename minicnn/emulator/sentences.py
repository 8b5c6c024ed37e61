"""What went wrong in a kernel, in a sentence: kernel, line, block and thread first."""

KINDS = (
    "nothing outside uninitialised race left_behind other_barrier deadlock endless "
    "absent_lane undefined"
).split()  # as in runtime.h
SHARED = "shared memory"


def describe(kernel, failure, arrays, library):
    """The sentence for a Failure of `kernel`, launched with `arrays`, [(name, array)]."""
    f, lines = failure, lines_of(kernel.code)
    line = f.line or library.line(f.pc)
    place = f"line {line}" if line else "line unknown (addr2line is missing)"
    text = f" -- {lines[line]}" if line in lines else ""
    what = _what(f, arrays, library)
    return f"kernel {kernel.name}, {place}, block {f.block}, thread {f.thread}: {what}{text}"


def _what(f, arrays, library):
    """What the thread did."""
    verb, element = "writes" if f.writing else "reads", _element(f.address, arrays, library)
    kind = KINDS[f.kind]
    if kind == "outside":
        return f"{verb} {f.size} bytes at {_outside(f.address, arrays)}"
    if kind == "uninitialised":
        return f"reads {element}, which is uninitialised: nobody has written it"
    if kind == "race":
        did = "writes" if f.other_writing else "reads"
        other = f"{did} in line {library.line(f.other_pc)}"
        if str(f.other_block) == str(f.block):
            who, why = "the same block", "with no barrier between them"
        else:
            who, why = f"block {f.other_block}", "and nothing puts two blocks in order"
        return f"{verb} {element}, which thread {f.other_thread} of {who} {other}, {why}: a race"
    if kind == "left_behind":
        return (
            f"waits at this barrier, but {f.number} threads of the block have left the kernel, "
            f"thread {f.other_thread} among them: a divergent barrier"
        )
    if kind == "other_barrier":
        return (
            f"waits at this barrier, but thread {f.other_thread} waits at another one, in line "
            f"{f.other_line}: a divergent barrier"
        )
    if kind == "deadlock":
        return f"waits, but {f.number} threads wait elsewhere: it waits for ever (deadlock)"
    if kind == "endless":
        return "does not end: an endless loop, or it waits for ever (deadlock)"
    if kind == "absent_lane":
        return (
            f"takes the value of lane {f.number}, which has none to give: it has ended, does not "
            "exist or is not in the mask"
        )
    return f.text.decode()


def lines_of(code):
    """{line number: text} of a kernel, #line directives followed."""
    lines, number = {}, 1
    for text in code.split("\n"):
        if text.startswith("#line"):
            number = int(text.split()[1])
        else:
            lines[number] = text.strip()
            number += 1
    return lines


def _element(address, arrays, library):
    """'x[3]' for the address of that element."""
    for name, array in arrays:
        if address and 0 <= address - array.pointer < array.nbytes:
            return f"{name}[{(address - array.pointer) // array.itemsize}]"
    static = library.static
    if address and static[0] and static[0] <= address < static[1]:
        return f"{SHARED} (byte {address - static[0]})"
    return SHARED


def _outside(address, arrays):
    """Where an address lies that belongs to no argument: by its distance from the nearest one."""

    def distance(item):
        _, array = item
        return max(array.pointer - (address or 0), (address or 0) - array.pointer - array.nbytes)

    near = min(arrays, key=distance, default=None)
    if not address:
        return "a null pointer, out of bounds"
    if near is None or distance(near) > 2**20:
        return "an address far from every argument, out of bounds"
    name, array = near
    index = (address - array.pointer) // array.itemsize
    return f"{name}[{index}], out of bounds: {name} has {array.size} elements"
