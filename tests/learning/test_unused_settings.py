"""A setting of which a training would know nothing is refused, and costs nobody a run."""

import pytest
from support.small_runs import SCENES

import minicnn
from minicnn.learning.errors import TrainingError
from minicnn.learning.tasks import TASKS, check_settings

LEAST = {"feedback": {"iterations": 1, "maps": 4, "side": 64}, "shallow": {"rounds": 1}}


@pytest.mark.parametrize(
    "model, settings, words",
    [
        (
            "multi-scale",
            {"batch": 8},
            "batch is for networks of whole pictures; multi-scale learns",
        ),
        ("patch", {"colour_noise": 0.1}, "colour_noise is for networks of whole pictures; patch"),
        ("recurrent", {"colour_noise": 0.1}, "colour_noise is for .*: leave it away"),
        (
            "feedback",
            {"colour_noise": 0.1},
            "colour_noise: feedback looks at its pictures as they are",
        ),
        (
            "shallow",
            {"light": 0.5},
            "light: shallow looks at its pictures as they are: leave",
        ),
        ("feedback", {"balance": 0.2, "patches": 0}, "balance: feedback draws pixels by it"),
    ],
)
def test_a_setting_that_would_act_on_nothing_is_refused(model, settings, words, tmp_path):
    settings = LEAST.get(model, {}) | settings
    about = {"steps": 1, "data_options": SCENES, "quiet": True}
    with pytest.raises(TrainingError, match=words):
        minicnn.train(model, "scenes", settings=settings, out=tmp_path / "run", **about)
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize("name", TASKS)
def test_every_sentence_is_said_of_every_setting(name):
    task = TASKS[name]
    check_settings(task, "it", {option: option == "batch" for option in task.unused} | {"lr": 1})
    for option in task.unused:
        with pytest.raises(TrainingError, match=rf"^{option}\b.*: leave it away$"):
            check_settings(task, "it", {option: 2})
