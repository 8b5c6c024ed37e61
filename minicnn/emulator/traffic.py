"""How well kernels use memory, line by line; traffic.cpp says what is counted.

    with emulator.report() as traffic:
        kernel(grid, block, arguments)
    print(traffic)

A line of 1.0 is as good as it gets: no byte is fetched in vain, no bank waits for another.
"""

import contextlib
import dataclasses

from minicnn.emulator import modes, raw_kernels, sentences
from minicnn.emulator.structures import Line

ROOM = 1000  # lines of a kernel that touch memory, at most


@dataclasses.dataclass(frozen=True)
class Row:
    """One line of a kernel. A request is what the 32 threads of a warp ask for at once.

    transfers  of 32 bytes (global memory), or rounds of the 32 banks (shared memory), per request
    ideal      the same if the threads asked for neighbouring elements
    """

    kernel: str
    line: int
    memory: str
    requests: int
    transfers: float
    ideal: float
    text: str


class Traffic:
    """The Rows of all launches so far, each kernel's in the order of its lines."""

    def __init__(self):
        self.rows = []

    def note(self, kernel, library):
        lines = (Line * ROOM)()
        found = lines[: library.functions.traffic_end(lines, ROOM)]
        texts = sentences.lines_of(kernel.code)
        together = {}
        for f in found:  # one line of text may be several instructions
            key = library.line(f.pc), "shared" if f.shared else "global"
            old = together.get(key, (0, 0, 0))
            together[key] = old[0] + f.requests, old[1] + f.transfers, old[2] + f.ideal
        for (line, memory), (requests, transfers, ideal) in sorted(together.items()):
            per = transfers / requests, ideal / requests
            self.rows.append(Row(kernel.name, line, memory, requests, *per, texts.get(line, "")))

    def __str__(self):
        lines = ["kernel               line memory  requests  transfers  ideal  times  text"]
        for r in self.rows:
            lines.append(
                f"{r.kernel:20.20} {r.line:4} {r.memory:6} {r.requests:9} {r.transfers:10.1f} "
                f"{r.ideal:6.1f} {r.transfers / r.ideal:6.1f}  {r.text}"
            )
        return "\n".join(lines)


@contextlib.contextmanager
def report():
    """Inside, kernels are checked and their traffic is counted; gives a Traffic that fills."""
    traffic = Traffic()
    before, raw_kernels.traffic = raw_kernels.traffic, traffic
    try:
        with modes.checked():
            yield traffic
    finally:
        raw_kernels.traffic = before
