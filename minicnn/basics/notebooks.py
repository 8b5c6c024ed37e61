"""What is said beside results, and where: on stderr; in a notebook, which shows that in red as if
something had gone wrong, on stdout. There a bar is one output that is drawn again and again."""

import html
import sys
import time
from collections import deque


def in_notebook():
    """Whether a Jupyter kernel runs this: Jupyter's shell, or Colab's, which is called `Shell`."""
    IPython = sys.modules.get("IPython")
    shell = IPython.get_ipython() if IPython is not None else None
    names = {cls.__name__ for cls in type(shell).__mro__}
    return bool(names & {"ZMQInteractiveShell", "Shell"})


def say(text):
    """A line that is no result."""
    print(text, file=sys.stdout if in_notebook() else sys.stderr, flush=True)


class Bar:
    """The bar of a training in a notebook, with those of tqdm's methods that `Progress` uses. It
    needs no widgets, and a notebook that is saved holds the last state only. The last few lines
    that were written stand below it, and are printed when it is closed."""

    SECONDS_BETWEEN, LINES = 0.5, 3

    def __init__(self, total, initial=0):
        from IPython.display import display

        self.total, self.done, self.text, self.closed = total, initial, "", False
        self.lines = deque(maxlen=self.LINES)
        self.drawn = time.monotonic()
        self.output = display(self._bundle(), raw=True, display_id=True)

    def set_postfix_str(self, text, refresh=True):
        self.text = text
        if refresh:
            self._draw()

    def update(self, count):
        self.done += count
        if time.monotonic() - self.drawn > self.SECONDS_BETWEEN:
            self._draw()

    def write(self, text, file=None):
        """A line of its own; `file` is tqdm's, here it is always stdout."""
        if self.closed:
            print(text, flush=True)
        else:
            self.lines.append(text)
            self._draw()

    def close(self):
        if not self.closed:
            kept, self.closed = list(self.lines), True
            self.lines.clear()
            self._draw()
            print(*kept, sep="\n", end="\n" * bool(kept), flush=True)

    def _draw(self):
        self.drawn = time.monotonic()
        if self.output is not None:  # None: IPython runs, but nobody shows what it displays
            self.output.update(self._bundle(), raw=True)

    def _bundle(self):
        """The bar in the kinds that a notebook can show: it takes the richest."""
        said = f"{self.done}/{self.total} {self.text}".rstrip()
        part = round(20 * self.done / max(self.total, 1))
        style = "width: 20em; vertical-align: middle"
        bar = f'<progress value="{self.done}" max="{self.total}" style="{style}"></progress>'
        lines = "".join(f"<br>{html.escape(line)}" for line in self.lines)
        return {
            "text/plain": "\n".join([f"|{'#' * part:20}| {said}", *self.lines]),
            "text/html": f"<div>{bar} {html.escape(said)}{lines}</div>",
        }
