"""What results and trainings show in a notebook, and as text."""

import base64
import io
import re
import sys
import types

import numpy as np
import pytest
from PIL import Image
from support.small_runs import SCENES, SETTINGS, Red, small_run

import minicnn
from minicnn.basics import notebooks
from minicnn.engine.tensor import Tensor
from minicnn.learning.config import Config
from minicnn.learning.metrics import Confusion
from minicnn.learning.trained import Trained


@pytest.fixture(scope="module")
def run():
    return small_run()


class Output:
    """What IPython's `display` returns."""

    def __init__(self, data):
        self.states = [data]

    def update(self, data, raw):
        assert raw
        self.states.append(data)


@pytest.fixture(params=["ZMQInteractiveShell", "Shell"])
def notebook(request, monkeypatch):
    """Jupyter or Colab, as far as minicnn looks at them; the list of what is displayed."""
    outputs = []

    def display(data, raw, display_id):
        assert raw and display_id
        outputs.append(Output(data))
        return outputs[-1]

    shell = type(request.param, (), {})()
    monkeypatch.setitem(sys.modules, "IPython", types.SimpleNamespace(get_ipython=lambda: shell))
    monkeypatch.setitem(sys.modules, "IPython.display", types.SimpleNamespace(display=display))
    return outputs


def test_a_training_in_a_notebook_is_a_bar_and_few_lines(notebook, capsys, monkeypatch):
    monkeypatch.setattr(notebooks.Bar, "SECONDS_BETWEEN", 0)
    minicnn.train("multi-scale", "scenes", steps=6, settings=SETTINGS, data_options=SCENES)
    out, err = capsys.readouterr()
    assert err == ""
    said = [line for line in out.splitlines() if "compiling" not in line]
    assert said and all("validation pixel accuracy" in line for line in said) and len(said) <= 3
    assert "step 6" in said[-1]
    assert len(notebook) == 1  # one output, drawn again and again
    first, *_, last = notebook[0].states
    assert "0/6" in first["text/plain"] and "6/6 loss" in last["text/plain"]
    assert any("<br>step 1: validation" in state["text/html"] for state in notebook[0].states)
    assert '<progress value="6" max="6"' in last["text/html"]


def test_outside_a_notebook_it_is_stderr(capsys, monkeypatch):
    for shell in (None, type("TerminalInteractiveShell", (), {})()):
        fake = types.SimpleNamespace(get_ipython=lambda shell=shell: shell)
        monkeypatch.setitem(sys.modules, "IPython", fake)
        assert not notebooks.in_notebook()
        notebooks.say("a line")
        assert capsys.readouterr() == ("", "a line\n")
    monkeypatch.delitem(sys.modules, "IPython")
    assert not notebooks.in_notebook()


def pictures_in(html):
    """The embedded PNGs, decoded."""
    found = re.findall(r'src="data:image/png;base64,([^"]+)"', html)
    return [np.array(Image.open(io.BytesIO(base64.b64decode(data)))) for data in found]


def test_a_run_shows_its_curves(run):
    best = run.config.best.val_accuracy
    assert repr(run) == (
        f"<Run: multi-scale on scenes, step 2 of 2, {best:.1%} of the validation pixels right>"
    )
    (curves,) = pictures_in(run._repr_html_())
    assert curves.shape[1] > 500 and len(np.unique(curves)) > 10


def test_an_evaluation_shows_its_table(run):
    result = minicnn.evaluate(run)
    assert repr(result).startswith("<Evaluation of multi-scale on scenes, split test: 3 pictures;")
    assert f"pixel accuracy {100 * result.confusion.pixel_accuracy:.1f} %" in repr(result)
    html = result._repr_html_()
    assert len(html) < 5000 and "foreground object" in html and html.count("<tr>") == 9
    assert len(repr([result, result.confusion, *result.examples[0]])) < 1500
    assert "<Picture scene-2000000: 48 x 32 pixels; " in repr(result.examples)


def test_a_segmentation_shows_its_overlay(run):
    image = np.zeros((30, 40, 3), np.uint8)
    result = minicnn.segment(image, run)
    assert repr(result).startswith("<Segmentation of picture, 40 x 30 pixels, labels by argmax: ")
    (shown,) = pictures_in(result._repr_html_())
    assert np.array_equal(shown, result.overlay())
    large = minicnn.segment(np.zeros((1200, 2500, 3), np.uint8), Red(3))
    (shown,) = pictures_in(large._repr_html_())
    assert max(shown.shape) == 900


def test_names_are_no_html():
    network = Trained(Red(1), Config("red", ["<b>&"], {}, 0))
    confusion = Confusion(["<script>"])
    confusion.add([[0]], [[0]])
    texts = (minicnn.segment(np.zeros((9, 9, 3), np.uint8), network), confusion)
    for html in (text._repr_html_() for text in texts):
        assert "<b>&" not in html and "<script>" not in html
    assert "&lt;script&gt;" in confusion._repr_html_()


TENSORS = [  # (data, its repr, rows and columns of its table)
    (np.float32([[1, 2], [3, 4.5]]), "Tensor([[1.  2. ]\n [3.  4.5]])", (2, 2)),
    (np.float32(3), "Tensor(3.0)", (1, 1)),
    (np.arange(3), "Tensor([0 1 2])", (1, 3)),
    (np.zeros((2, 3, 12, 20)), "<Tensor (2, 3, 12, 20) float64, cpu>", (9, 9)),
    (np.zeros((0, 3), np.float32), "Tensor([])", (0, 0)),
    (np.zeros(1000, np.float32), "<Tensor (1000,) float32, cpu>", (1, 9)),
    (np.zeros((1000, 1), np.float32), "<Tensor (1000, 1) float32, cpu>", (9, 1)),
]


@pytest.mark.parametrize(("data", "text", "table"), TENSORS, ids=lambda v: str(np.shape(v)))
def test_a_tensor_shows_its_numbers_if_they_are_few(data, text, table):
    t = Tensor(data)
    assert repr(t) == text
    html = t._repr_html_()
    rows = re.findall("<tr>(.*?)</tr>", html)
    assert (len(rows), rows[0].count("<td") if rows else 0) == table
    assert f"{t.shape} {t.dtype}, cpu".replace("'", "") in html and len(html) < 10_000


@pytest.mark.slow
def test_a_real_notebook():
    """Through a Jupyter kernel: nothing in red, few lines, one bar."""
    nbformat, client = pytest.importorskip("nbformat"), pytest.importorskip("nbclient")
    cells = [
        "import minicnn",
        f"run = minicnn.train('multi-scale', 'scenes', steps=30, settings={SETTINGS}, "
        f"data_options={SCENES}); run",
        "minicnn.evaluate(run)",
    ]
    book = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(c) for c in cells])
    client.NotebookClient(book, kernel_name="python3").execute()
    outputs = [output for cell in book.cells for output in cell.outputs]
    streams = [output for output in outputs if output.output_type == "stream"]
    assert all(output.name == "stdout" for output in streams)
    assert 0 < sum(len(output.text.splitlines()) for output in streams) < 6
    kinds = [output.output_type for output in outputs if output.output_type != "stream"]
    assert kinds == ["display_data", "execute_result", "execute_result"]
    assert all("text/html" in o.data for o in outputs if o.output_type != "stream")
