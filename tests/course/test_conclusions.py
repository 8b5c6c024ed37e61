"""The last chapter: every number of the exam's answers is computed, and what a reader is sent to
try exists."""

import re
import shlex
from fractions import Fraction
from types import SimpleNamespace

import numpy as np
import pytest
from support import the_site

from minicnn import Tensor, cli, models, nn
from minicnn import functional as F
from minicnn.bench.machines import NETS
from minicnn.cli.values import split_settings
from minicnn.course.book import site
from minicnn.course.book.chapters import chapters
from minicnn.course.lecturing import ROOT, measured
from minicnn.learning.configuring import configure
from minicnn.learning.instance_matching import area_under, match
from minicnn.learning.metrics import Confusion
from minicnn.nn.receptive_fields import trace

CHAPTER = chapters(19)[0]
EXAM = CHAPTER.cells[-1].text
ANSWER = re.compile(
    r"\*\*(\d+)\.\*\*(.*?)<details><summary>Answer</summary>\n\n(.*?)\n\n</details>", re.DOTALL
)
ANSWERS = {int(n): " ".join(text.split()) for n, _, text in ANSWER.findall(EXAM)}


def says(number, *texts):
    """Whether an answer holds all of these texts, in this order."""
    place = 0
    for text in texts:
        found = ANSWERS[number].find(text, place)
        assert found >= 0, f"answer {number} does not say {text!r} there"
        place = found + len(text)


def test_twelve_questions_about_all_chapters():
    assert list(ANSWERS) == list(range(1, 13)) and all(len(a) > 200 for a in ANSWERS.values())
    asked = {n for _, q, _ in ANSWER.findall(EXAM) for n in re.findall(r"\b(0\d|1\d)\b", q[:60])}
    assert asked == {f"{k:02}" for k in range(1, 19)}


def test_the_answers_are_folded_away():
    the_site.needed()
    body = site.markdown(EXAM)
    folded = re.findall(r"<details><summary>Answer</summary>(.*?)</details>", body, re.DOTALL)
    asked = re.sub(r"<details>.*?</details>", "", body, flags=re.DOTALL)
    assert len(folded) == 12 and all(f"<strong>{k}.</strong>" in asked for k in range(1, 13))
    assert "$" not in body and "merror" not in body and "\\frac" not in body


def test_1_pixels_and_iou():
    truth = np.repeat([0, 1, 2], [70, 20, 10])
    a, b = np.where(truth == 2, 1, truth), truth.copy()
    b[:12] = b[70:74] = 2
    scores = []
    for said in (a, b):
        confusion = Confusion(("sky", "tree", "person"))
        confusion.add(truth, said)
        scores += [f"{100 * confusion.pixel_accuracy:.0f}", f"{100 * confusion.mean_iou:.1f} %"]
    says(1, f"A: {scores[0]} %", scores[1], f"{scores[2]}$ %", scores[3])


def test_2_a_weight_that_is_used_three_times():
    w, x = Tensor([1.0], requires_grad=True), (2, 1, -1)
    error = sum(w * float(v) for v in x) + -1.0
    (error * error * 0.5).sum().backward()
    assert w.grad.item() == 2 == sum(x) * error.numpy().item() and x[-1] == -1
    says(2, "2 + 1 - 1 = 2", "$-1$")
    loss = [0.5 * (sum(x) * (1 - 0.1 * g) - 1) ** 2 for g in (0, x[-1], x[0])]
    assert loss[1] > loss[0] > loss[2]


def test_3_how_far_alexnet_sees():
    network = nn.Sequential(
        nn.Conv2d(1, 1, 11, stride=4), nn.MaxPool2d(3, 2), nn.Conv2d(1, 1, 5, padding=2),
        nn.MaxPool2d(3, 2), *(nn.Conv2d(1, 1, 3, padding=1) for _ in range(3)), nn.MaxPool2d(3, 2),
    )  # fmt: skip
    rows = trace(network, [Tensor(np.zeros((1, 1, 227, 227), np.float32), requires_grad=True)])
    sees = [row.sees[0] for row in rows]
    assert rows[-1].every[0] == 32 and sees == [11, 19, 51, 67, 99, 131, 163, 195]
    says(3, "19$", "= 51$", "= 67$", "163", "= 195$", "32")


def test_4_multiplications():
    one = 64 * 64 * 25 * 60 * 80
    two = 2 * 64 * 64 * 9 * 60 * 80
    tiles = two * 16 // (4 * 9)
    says(4, *(f"{n / 1e6:.1f}" for n in (one, 3 * one, two, tiles)), f"{one / tiles:.1f} times")


def test_5_what_a_maximum_sends_back():
    x = Tensor(np.array([[[[1.0, 4, 2, 4, 3]]]]), requires_grad=True)
    F.max_pool2d(x, (1, 3), stride=1).backward(np.array([[[[1.0, 10, 100]]]]))
    says(5, ", ".join(f"{v:g}" for v in x.grad.ravel()))


def test_6_a_floor_under_what_is_divided_by():
    signs = 1.0 - 2.0 * (np.indices((12, 12)).sum(axis=0) % 2)

    def left(deviation, floor=4.0):
        x = (deviation * signs)[None, None]
        return np.abs(
            F.local_contrast_norm(x, np.ones((3, 3)), subtract=False, floor=floor).numpy()
        )

    told = [float(left(d).mean().round(9)) for d in (1, 20, 0.5, 10)]
    assert told == [0.25, 1, 0.125, 1] and np.allclose(left(0.5, 1e-9), 1)
    says(6, f"{told[0]:g}", f"{told[2]:g}")
    names = ("normalised and colours", "normalised")
    both, one = (measured(f"stanford, one scale: {name}") for name in names)
    says(6, f"{both - one:.1f} points")


def test_7_four_machines():
    net = NETS[0]
    assert (net.alpha, net.bandwidth) == (50e-6, 125e6)
    sums = [net.seconds(p, 5e6) - np.log2(p) * net.alpha for p in (4, 256)]  # no short message
    used = [0.15 / (0.15 + t) for t in sums]
    says(7, f"{1e3 * sums[0]:.1f}$ ms", f"{100 * used[0]:.0f}$ %", f"{4 * used[0]:.1f}")
    says(7, f"{1e3 * sums[1]:.1f} ms", f"{used[1]:.0%}".replace("%", " %"))


def test_8_prices_that_a_cut_can_pay():
    prices = (lambda a, b: int(a != b), lambda a, b: abs(a - b), lambda a, b: (a - b) ** 2)
    assert [V(0, 1) + V(1, 2) - V(0, 2) for V in prices] == [1, 0, -2]
    says(8, "1, 0 and", "= -2$")


def test_9_words_that_are_trusted_too_much():
    def sure(odds):
        return 1 / (1 + np.exp(-odds))

    learnt, deserved = (np.log(p / (1 - p)) for p in (0.98, 0.75))
    says(9, f"{learnt:.2f}", f"{learnt - 2:.2f}", f"{sure(learnt - 2):.0%}".replace("%", " %"))
    says(
        9, f"{deserved:.2f}", f"{2 - deserved:.2f}", f"{sure(2 - deserved):.0%}".replace("%", " %")
    )


def test_10_sums_in_another_order():
    one, large = np.float32(1), np.float32(2**24)
    says(10, f"{(large + one) + one:.0f}", f"{large + (one + one):.0f}")
    x = Tensor(np.zeros((1, 1, 9, 9)), requires_grad=True)
    readers = 0
    for k in range(36 * 36):
        x.grad = None
        message = np.zeros((1, 1, 36, 36))
        message.flat[k] = 1
        F.interpolate(x, scale_factor=4, mode="bilinear").backward(message)
        readers += int(x.grad[0, 0, 4, 4] != 0)
    assert readers == 64
    says(10, "8 in each direction, 64")


def test_11_average_precision_by_hand():
    j, nothing = np.array([[0.8, 0], [0.6, 0], [0, 0.55]]), np.zeros(2, bool)

    def ap(j, overlap=0.5):
        taken = match(j, nothing, overlap) >= 0
        counts = (np.cumsum(side)[None].astype(float) for side in (taken, ~taken))
        return area_under(*counts, np.array([2]))[0]

    found = ap(j), ap(j[[0, 2]]), ap(j, 0.6)
    assert np.allclose(found, (5 / 6, 1, 0.5))
    assert Fraction(1, 2) + Fraction(1, 2) * Fraction(2, 3) == 1 - Fraction(1, 6)
    says(11, f"{found[0]:.2f}", f"{found[1]:g}.", f"{found[2]:g}.")


def test_12_limits_of_log_sum_exp():
    x = np.array([0.0, 0, 0, 2]).reshape(1, 1, 2, 2)
    low, one, high = (F.log_sum_exp_pool(x, r).item() for r in (1e-6, 1, 1e4))
    says(12, f"{low:.1f}", f"{one:.2f}", f"maximum {high:.0f}")
    t = Tensor(x, requires_grad=True)
    F.log_sum_exp_pool(t, 1).sum().backward()
    says(12, f"{100 * t.grad.max():.0f}$ %")
    with np.errstate(over="ignore"):
        assert np.isinf(np.exp(np.float32(88.73))) and np.isfinite(np.exp(np.float32(88.72)))
        assert np.isinf(np.exp(np.float32(5 * 17.75)))
    assert np.isfinite(F.log_sum_exp_pool((100 * x).astype(np.float32), 5.0).numpy()).all()
    says(12, "88.73", "17.75")


# ------------------------------------------------------------------------------- ten things to try
TRY = next(c.text for c in CHAPTER.cells if "Your turn" in c.text)
TRY = TRY.partition("Your turn")[2]
COMMANDS = [" ".join(c.split()) for c in re.findall(r"`(minicnn \w[^`]*)`", TRY)]


def test_there_are_ten_and_each_begins_somewhere():
    items = re.split(r"^\d+\. ", TRY, flags=re.M)[1:]
    assert len(items) == 10 and all("`" in item for item in items)
    files = re.findall(r"`((?:minicnn|lectures)/[\w/.]+|\w+\.md)`", TRY)
    assert files and not [name for name in files if not (ROOT / name).is_file()]


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_is_understood(command):
    given = cli._parser().parse_args(shlex.split(command)[1:])
    if command.startswith("minicnn train"):
        settings, _ = split_settings(given.set)
        anything = SimpleNamespace(classes=("a", "b"), colours=((0, 0, 0), (1, 1, 1)))
        config = configure(given.model, given.recipe, settings, anything, 0)
        models.find(given.model)[0](2, **config.options)
