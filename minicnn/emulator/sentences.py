"""What went wrong in a kernel, in a sentence: kernel, line, block and thread first."""

KINDS = (
    "nothing outside uninitialised race misaligned left_behind other_barrier deadlock endless "
    "absent_lane undefined"
).split()  # as in runtime.h
SHARED = "shared memory"


def describe(kernel, failure, arrays, library):
    """The sentence for a Failure of `kernel`, launched with `arrays`, [(name, array)]."""
    f, lines = failure, lines_of(kernel.code)
    line = f.line or library.line(f.pc)
    verb = "writes" if f.writing else "reads"
    what = _element(f.address, arrays, library)
    nobody = "it waits for ever (deadlock)"
    if KINDS[f.kind] == "race":
        who = "the same block" if str(f.other_block) == str(f.block) else f"block {f.other_block}"
        did = "writes" if f.other_writing else "reads"
        where = f" in line {n}" if (n := library.line(f.other_pc)) else ""
        order = "no barrier" if who == "the same block" else "and blocks run in no order; nothing"
        rest = f"{verb} {what}, which thread {f.other_thread} of {who} {did}{where}, with "
        rest = rest.replace(", with ", f", {order} between them: a race")
        rest = rest.replace(", no barrier", ", with no barrier")
    else:
        rest = {
            "outside": lambda: f"{verb} {f.size} bytes at {_outside(f.address, arrays)}",
            "uninitialised": lambda: f"reads {what}, which is uninitialised: nobody has written it",
            "misaligned": lambda: (
                f"{verb} {f.size} bytes at {what}, misaligned: the address is no multiple of "
                f"{f.size}"
            ),
            "left_behind": lambda: (
                f"waits at this barrier, but {f.number} threads of the block have left the kernel, "
                f"thread {f.other_thread} among them: a divergent barrier"
            ),
            "other_barrier": lambda: (
                f"waits at this barrier, but thread {f.other_thread} waits at another one, in line "
                f"{f.other_line}: a divergent barrier"
            ),
            "deadlock": lambda: f"waits, but {f.number} threads wait elsewhere: {nobody}",
            "endless": lambda: f"does not end: {nobody}",
            "absent_lane": lambda: (
                f"takes the value of lane {f.number}, which has none to give: it has ended, does "
                "not exist or is not in the mask"
            ),
            "undefined": lambda: f.text.decode(),
        }[KINDS[f.kind]]()
    place = f"line {line}" if line else "line unknown (addr2line is missing)"
    text = f" -- {lines[line]}" if line in lines else ""
    return f"kernel {kernel.name}, {place}, block {f.block}, thread {f.thread}: {rest}{text}"


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
