"""Several processes share the steps of a training. Here threads stand in for processes
(several.py); test_mpi.py starts real ones."""

import json
import re
import sys
import types

import numpy as np
import pytest
from support.image_folders import make_image_folder
from support.several import all_right, together
from support.shared_runs import SCENES, VARIED, drawn_once, furthest, one_process, scenes
from support.small_runs import small_run
from support.toy_tasks import Bags, OfRegions, Regions

import minicnn
from minicnn import datasets, nn
from minicnn.cli import main
from minicnn.learning import checkpoints, mpi, pixels, training
from minicnn.learning.config import Config, TrainingOptions
from minicnn.learning.errors import Diverged
from minicnn.learning.metrics import ScoresError
from minicnn.learning.parallel import SharedRun, run_of
from minicnn.learning.pixels import Pixels
from minicnn.learning.progress import Progress
from minicnn.learning.run import Run
from minicnn.learning.world import Elsewhere, _started, joined, world


@pytest.fixture(autouse=True, scope="module")
def quickly():
    with drawn_once():
        yield


@pytest.mark.parametrize("count", [2, 3])
def test_processes_with_a_picture_each_learn_as_one_with_all_of_them(count):
    alone = one_process(count)
    assert type(alone) is Run
    runs = all_right(together(count, lambda rank: scenes()))
    assert all(type(run) is SharedRun and run.steps_done == 20 for run in runs)
    assert furthest(runs[0], alone) < 1e-5
    assert all(furthest(run, runs[0]) == 0 for run in runs)  # to the bit
    for ours, theirs in zip(runs[0].log.records, alone.log.records, strict=True):
        for key in ("loss", "val_accuracy"):
            assert ours.get(key) == pytest.approx(theirs.get(key), abs=1e-4)


def test_the_mean_of_means_would_be_another_gradient(monkeypatch):
    monkeypatch.setattr(Pixels, "counted", lambda self, batch: 1.0)
    runs = all_right(together(2, lambda rank: scenes(steps=4)))
    assert furthest(runs[0], one_process(2, 4)) > 1e-4


# ------------------------------------------------------------------------- another number of them
def stopped_at(monkeypatch, step, whose=1):
    """In that process a Ctrl-C comes after so many steps."""
    said = Progress.step

    def interrupted(self, done, *numbers):
        said(self, done, *numbers)
        if done == step and world().rank == whose:
            raise KeyboardInterrupt

    monkeypatch.setattr(Progress, "step", interrupted)


RANDOM = {  # what is drawn at random on the way: variants, dropout, lattices, parts, colours
    "single-scale": {"width": 0.1, "hidden": 20, "dropout": 0.5, "rotate": 20},
    "recurrent": {"net": "CNN1", "width": 0.1, "normalise": "picture"},
    "three-layers": {"size": 20, "width": 0.2, "batch": 3, "dropout": 0.5, "colour_noise": 0.1},
}


@pytest.mark.parametrize("model", RANDOM)
def test_a_training_goes_on_with_another_number_of_processes(model, tmp_path, monkeypatch, capsys):
    given = {"model": model, "settings": RANDOM[model] | {"validations": 2}, "steps": 4}
    if model == "three-layers":
        root = make_image_folder(tmp_path / "squares")

        def begin(out=None):
            given.pop("model", None)
            return minicnn.train(model, root, out=out, quiet=True, **given)
    else:

        def begin(out=None):
            return scenes(out, **given)

    whole = all_right(together(2, lambda rank: begin()))[0]
    for now in (1, 3):
        folder = tmp_path / f"now-{now}"
        with monkeypatch.context() as patch:
            stopped_at(patch, 2)
            stops = together(2, lambda rank, folder=folder: begin(folder))
        assert [type(stop) for stop in stops] == [KeyboardInterrupt] * 2
        assert str(stops[0]) == f"stopped after step 2; go on with: minicnn resume {folder}"
        capsys.readouterr()
        runs = all_right(together(now, lambda rank, folder=folder: minicnn.resume(folder)))
        said = capsys.readouterr().err
        assert said.count(f"processes when this run was begun: 2, now: {now}") == 1
        assert ("1 without anything to do" in said) == (now == 3)
        assert all(furthest(run, whole) < 1e-5 for run in runs)
        assert checkpoints.load(folder / "last.safetensors")[1]["processes"] == 2
        looks = [r["step"] for r in runs[0].log.records if "val_accuracy" in r]
        assert looks == [2, 4] and runs[-1].log.records == runs[0].log.records


def test_a_rate_that_falls_when_nothing_gets_better_falls_for_all_after_a_resume(
    tmp_path, monkeypatch
):
    settings = {"width": 0.1, "hidden": 20, "schedule": "plateau", "validations": 8, "warm_up": 0}
    nothing = {"val_accuracy": 0.5, "val_class_accuracy": 0.5}
    monkeypatch.setattr(Pixels, "validate", lambda self, count=None: dict(nothing))
    with monkeypatch.context() as patch:
        stopped_at(patch, 2)
        together(2, lambda rank: scenes(tmp_path / "run", 8, "single-scale", settings))
    runs = all_right(together(2, lambda rank: minicnn.resume(tmp_path / "run", quiet=True)))
    rates = [[run.optimizer.schedule(step) for step in range(8)] for run in runs]
    assert rates[0] == rates[1] and rates[0][-1] < 0.2


def test_only_the_first_process_writes_and_speaks(tmp_path, capsys):
    def begin(rank):
        run = minicnn.train(
            "patch",
            "scenes",
            out=tmp_path / "run",
            epochs=3,
            settings={"width": 0.2},
            data_options=SCENES,
        )
        assert (run.folder is not None) == (rank == 0) and run.quiet == (rank > 0)
        return run

    runs = all_right(together(2, begin))
    assert [run.steps_done for run in runs] == [10, 10]  # 3 epochs of 7 pictures, two a step
    said = capsys.readouterr().err
    assert said.count("step 10: validation pixel accuracy") == 1
    assert "2 processes" in said and "a step is 2 batches" in said
    log = (tmp_path / "run/log.jsonl").read_text().splitlines()
    assert [json.loads(line)["step"] for line in log].count(10) == 2  # one loss, one look
    names = {path.name for path in (tmp_path / "run").iterdir()}
    assert names == {"best.safetensors", "last.safetensors", "log.jsonl", "curves.png"}


# ------------------------------------------------------------------------------------- any task
class Wide(OfRegions):
    """A network of which a part is never used."""

    def __init__(self):
        super().__init__()
        self.spare = nn.Linear(2, 2)


def toy(task, network, processes=1, folder=None):
    """A training of a task that knows nothing of several processes."""
    minicnn.manual_seed(0)
    options = TrainingOptions(warm_up=0, weight_decay=0.1, validations=2, lr=0.2)
    config = Config("toy", ["no", "yes"], {}, 0, training=options, seed=0, total_steps=8)
    config.processes, network = processes, network()
    return run_of(config, network, task(network, config), folder, quiet=True)


@pytest.mark.parametrize("task, network", [(Bags, lambda: nn.Linear(3, 1)), (Regions, Wide)])
def test_a_task_that_knows_nothing_of_it_is_shared_too(task, network):
    alone = toy(task, network, 2).fit()
    assert type(alone) is SharedRun and alone.each == 2
    runs = all_right(together(2, lambda rank: toy(task, network, 2).fit()))
    assert furthest(runs[0], alone) < 1e-5 and furthest(runs[0], runs[1]) == 0
    assert runs[1].config.best == alone.config.best
    if network is Wide:  # what nobody has used has no gradient, so nothing decays it
        before = toy(task, network).network.spare.weight.data
        assert np.array_equal(runs[0].network.spare.weight.data, before)


def test_a_batch_that_was_passed_over_leaves_the_step_to_the_others(monkeypatch):
    real = Pixels._variant
    nothing = {1, 4, 5}  # of step 0 half, all of step 2
    monkeypatch.setattr(
        Pixels, "_variant", lambda self, p, n: None if n in nothing else real(self, p, n)
    )
    runs = all_right(together(2, lambda rank: scenes(steps=5)))
    monkeypatch.setattr(training, "agree", lambda config, network: vars(config).update(processes=2))
    alone = scenes(steps=5)
    assert type(alone) is SharedRun and alone.steps_done == runs[1].steps_done == 5
    assert furthest(runs[0], alone) < 1e-5


def test_minutes_end_for_all_at_the_same_step():
    runs = all_right(together(2, lambda rank: scenes(steps=None, minutes=0.01)))
    assert runs[0].steps_done == runs[1].steps_done > 0
    assert runs[0].config.to_json() == runs[1].config.to_json()


def test_scores_are_those_of_all_pictures(tmp_path):
    run = small_run(tmp_path / "run")

    def scored(rank=0):
        return minicnn.evaluate(run.folder, examples=2)

    alone, several = scored(), all_right(together(4, scored))  # three pictures: one has none
    for found in several:
        assert np.array_equal(found.confusion.matrix, alone.confusion.matrix)
        assert [p.name for p, _ in found.examples] == [p.name for p, _ in alone.examples]
        assert found.seconds_per_picture == several[0].seconds_per_picture


# ---------------------------------------------------------------------------------- who fails
def failing(monkeypatch, error, rank=1, calls=5):
    """In the process of this rank the loss fails for that reason."""
    real, called = Pixels.loss, []

    def loss(self, batch):
        called.extend([0] * (world().rank == rank))
        if len(called) == calls and world().rank == rank:
            raise error
        return real(self, batch)

    monkeypatch.setattr(Pixels, "loss", loss)


def test_a_process_that_fails_ends_all_with_its_sentence(tmp_path, monkeypatch):
    with monkeypatch.context() as patch:
        failing(patch, datasets.DataError("p3.png: is damaged"))
        first, second, third = together(3, lambda rank: scenes(tmp_path / "run", 6))
    assert type(second) is datasets.DataError and str(second) == "p3.png: is damaged"
    where = r"process 1 of 3 on \S+: p3\.png: is damaged"
    assert type(first) is type(third) is Elsewhere
    assert re.fullmatch(rf"{where}; go on with: minicnn resume {tmp_path}/run", str(first))
    assert re.fullmatch(where, str(third))
    assert checkpoints.load(tmp_path / "run/last.safetensors")[1]["step"] == 4
    assert all_right(together(2, lambda rank: minicnn.resume(tmp_path / "run", quiet=True)))


def test_a_mistake_of_ours_in_another_process_has_its_name(monkeypatch):
    failing(monkeypatch, ZeroDivisionError("by 0"), rank=0)
    first, second = together(2, lambda rank: scenes())
    assert type(first) is ZeroDivisionError
    assert str(second).endswith("ZeroDivisionError: by 0")


def test_weights_that_one_process_finds_spoilt_are_not_kept(tmp_path, monkeypatch):
    real = pixels.score

    def score(*arguments, **options):
        if world().rank == 1:
            raise ScoresError("no numbers")
        return real(*arguments, **options)

    monkeypatch.setattr(pixels, "score", score)
    settings = VARIED | {"checkpoint_steps": 2, "validations": 2}
    stops = together(2, lambda rank: scenes(tmp_path / "run", 10, settings=settings))
    assert [type(stop) for stop in stops] == [Diverged, Diverged]
    assert checkpoints.load(tmp_path / "run/last.safetensors")[1]["step"] == 4  # not of step 5


def test_a_loss_that_is_no_number_stops_all(tmp_path):
    stops = together(2, lambda rank: scenes(tmp_path, settings=VARIED | {"lr": 1e20, "warm_up": 0}))
    assert [type(stop) for stop in stops] == [Diverged, Diverged]
    assert "the last good weights" in str(stops[0])


def test_other_pictures_on_another_machine():
    def begin(rank):
        options = SCENES | {"train": 7 + rank}
        return scenes(data_options=options)

    for stop in together(2, begin):
        assert "scenes: process 1 has other pictures" in str(stop)


def test_nobody_leaves_before_all_are_done():
    def work(rank):
        with joined():
            if rank == 1:
                raise ValueError("late")
        return "left"

    first, second = together(2, work)
    assert type(first) is Elsewhere and str(second) == "late"
    assert all_right(together(2, lambda rank: world().share(rank + 5))) == [5, 5]


@pytest.mark.parametrize(
    "work, words",
    [
        (lambda: minicnn.train_greedily("patch", quiet=True), "a training part by part is the"),
        (lambda: minicnn.train("feedback", quiet=True), "a training part by part is the work of"),
        (lambda: minicnn.train_cover("multi-scale"), "train cover is the work of one process: st"),
        (lambda: scenes(model="shallow", settings={}), "shallow does most of its learning before"),
    ],
)
def test_what_one_process_does_alone(work, words):
    for stop in together(2, lambda rank: work()):
        assert words in str(stop) and str(stop).endswith("start it without mpiexec")


# ------------------------------------------------------------------------------------- before MPI
def test_who_has_been_started_by_whom(monkeypatch):
    for name in {name for pair in mpi.LAUNCHERS for name in pair}:
        monkeypatch.delenv(name, raising=False)
    assert mpi.launched() == (0, 1) and world().size == 1
    for rank, size in mpi.LAUNCHERS:
        with monkeypatch.context() as patch:
            patch.setenv(rank, "2")
            assert mpi.launched() == (0, 1)  # a rank of how many?
            patch.setenv(size, "4")
            assert mpi.launched() == (2, 4)


def test_processes_that_cannot_meet(monkeypatch):
    monkeypatch.setitem(sys.modules, "mpi4py", None)
    with pytest.raises(ValueError, match="started 2 processes, and mpi4py.*pip install mpi4py"):
        mpi.Mpi(2)
    comm = types.SimpleNamespace(Get_rank=lambda: 0, Get_size=lambda: 1)
    library = types.SimpleNamespace(
        COMM_WORLD=comm, Get_library_version=lambda: "Open MPI v5.0.8, package: x"
    )
    monkeypatch.setitem(sys.modules, "mpi4py", types.SimpleNamespace(MPI=library))
    with pytest.raises(ValueError, match=r"2 processes, and each sees 1: .* Open MPI v5.0.8, is"):
        mpi.Mpi(2)


@pytest.fixture
def just_started():
    """Nobody knows yet whether mpiexec has started this process."""
    _started.cache_clear()
    yield
    _started.cache_clear()


def test_the_command_line_speaks_once(just_started, monkeypatch, capsys):
    monkeypatch.setenv("PMI_RANK", "1")
    monkeypatch.setenv("PMI_SIZE", "2")
    monkeypatch.delenv("OMPI_COMM_WORLD_RANK", raising=False)
    monkeypatch.setitem(sys.modules, "mpi4py", None)
    assert main(["train", "patch"]) == 2 and capsys.readouterr().err == ""
    monkeypatch.setenv("PMI_RANK", "0")
    assert main(["train", "patch"]) == 2
    assert "mpiexec has started 2 processes, and mpi4py" in capsys.readouterr().err


def test_other_commands_are_for_one_process(capsys):
    assert together(2, lambda rank: main(["data", "list"])) == [2, 2]
    assert "this command is the work of one process" in capsys.readouterr().err
