"""The loop asks for nothing but a Task: toys for bags and regions, and the one for pictures."""

import threading

import numpy as np
import pytest
from PIL import Image
from support.image_folders import make_image_folder
from support.small_runs import SCENES
from support.toy_tasks import Bags, Clock, OfRegions, Regions, Weight, run_of, timed

import minicnn
from minicnn import datasets, nn
from minicnn import functional as F
from minicnn.datasets import VOID, DataError
from minicnn.datasets.image_folder import ImageFolder
from minicnn.datasets.splits import evenly
from minicnn.learning import checkpoints, pictures, pixels
from minicnn.learning.checkpoints import LAST
from minicnn.learning.config import Config, TrainingOptions
from minicnn.learning.pictures import Pictures
from minicnn.models.three_layers import ThreeLayers


def same(a, b):
    return a.keys() == b.keys() and all(np.array_equal(a[k], b[k]) for k in a)


# ---------------------------------------------------------------------------------------- the toys
@pytest.mark.parametrize(
    ("task", "network", "steps", "lr"),
    [(Bags, lambda: nn.Linear(3, 1), 150, 0.5), (Regions, OfRegions, 120, 0.2)],
)
def test_a_task_that_no_model_has_trains_through_the_loop(task, network, steps, lr, tmp_path):
    def trained(folder=None):
        minicnn.manual_seed(0)
        return run_of(task, network(), steps, folder, lr=lr, validations=3).fit()

    run = trained()
    losses = [r["loss"] for r in run.log.records if "loss" in r]
    assert losses[-1] < 0.5 * losses[0]
    assert run.config.best.val_accuracy > 0.9 and not run.network.training
    looked = [r["step"] for r in run.log.records if "val_accuracy" in r]
    assert looked == [steps // 3, 2 * steps // 3, steps]
    assert same(run.network.state_dict(), trained(tmp_path).network.state_dict())
    assert checkpoints.load(tmp_path / "last.safetensors")[1]["step"] == steps
    assert f"{run.config.best.val_accuracy:.1%} of the validation {task.what} right" in repr(run)


def test_the_hook_stands_between_backward_and_the_step():
    """Where gradients are clipped, and where several machines would take their mean."""
    minicnn.manual_seed(0)
    run, seen = run_of(Regions, OfRegions(), 3, lr=1.0, momentum=0.0), []
    before = {name: a.copy() for name, a in run.network.state_dict().items()}

    def hook(parameters):
        seen.append([p.grad.copy() for p in parameters])
        for p in parameters:
            p.grad[...] = 0

    run.hook = hook
    run.fit()
    assert len(seen) == 3 and all(np.abs(g).max() > 0 for g in seen[0])
    assert same(before, run.network.state_dict())


def test_evenly():
    assert evenly(range(10), None) == list(range(10))
    assert evenly(range(10), 4) == [0, 2, 5, 7]
    assert evenly(range(3), 9) == [0, 1, 2] and evenly([], 3) == []


# ---------------------------------------------------------------------- variants that are all void
def corner_labels(root, count=6, size=(40, 60)):
    """A folder data set whose pictures have labels in one corner alone."""
    (root / "images").mkdir(parents=True)
    (root / "labels").mkdir()
    (root / "classes.txt").write_text("0\tsky\n1\ttree\n")
    for k in range(count):
        random = np.random.default_rng(k)
        image = random.integers(0, 256, (*size, 3), dtype=np.uint8)
        labels = np.full(size, VOID, np.uint8)
        labels[:2, :3] = random.integers(0, 2, (2, 3))
        Image.fromarray(image).save(root / f"images/p{k}.png")
        Image.fromarray(labels).save(root / f"labels/p{k}.png")
    (root / "val.txt").write_text("p0\n")
    (root / "test.txt").write_text("p1\n")
    return root


@pytest.mark.parametrize("model", ["single-scale", "multi-scale", "patch", "recurrent"])
def test_a_variant_without_labels_is_passed_over_and_counted(model, tmp_path, capsys):
    root = corner_labels(tmp_path / "corner")
    settings = {"width": 0.1, "rotate": 30, "rescale": 0.5, "lr": 1e-4, "validations": 1}
    if model == "patch":
        settings["patches"] = 4
    steps = 40 if model == "recurrent" else 12  # it asks at every fourth pixel, and rarely there
    run = minicnn.train(model, root, steps=steps, settings=settings)
    said = capsys.readouterr().err
    assert "of the pictures, all void as they were turned or cut: p" in said
    assert "left out" in said and run.steps_done <= steps
    logged = [r["loss"] for r in run.log.records if "loss" in r]
    assert logged and np.isfinite(logged).all()
    if model == "recurrent":  # a step that asked no label is none; its loss is not 0, but nothing
        assert "of the pictures, for a step, without a label where the network was asked: p" in said
        assert min(logged) > 0.1


def test_all_variants_void_ends_in_a_sentence(tmp_path, monkeypatch):
    root = corner_labels(tmp_path / "corner")

    def nothing(image, labels, rng, **options):
        return image, np.full_like(labels, VOID)

    monkeypatch.setattr(pixels, "jitter", nothing)
    for steps, words in [
        (9, "^nothing was learnt: 4 of the pictures, all void as they were turned or cut: p"),
        (300, "none of 208 .* of 4 nothing labelled was left as they were turned or cut"),
    ]:
        options = {"steps": steps, "settings": {"width": 0.1}, "quiet": True}
        with pytest.raises(DataError, match=words):
            minicnn.train("patch", root, out=tmp_path / "run", **options)
        assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(("attribute", "kept"), [(None, False), ("early", True), ("teaches", True)])
@pytest.mark.parametrize("error", [DataError("p3.png: is damaged"), None])
def test_what_was_done_before_the_first_step_is_kept(attribute, kept, error, tmp_path):
    """Trees, and features, may have taken hours; a mishap of the first step does not take them."""

    class Task(timed(Clock(), lambda step: 1.0, 0.0)):
        def loss(self, batch):
            if error:
                raise error
            return F.sum(self.network.w * np.float32(np.nan)), 0.5

    run = run_of(Task, Weight(), 3, tmp_path)
    if attribute:
        setattr(run.task, attribute, True)
    run.save()
    with pytest.raises(ValueError) as caught:
        run.fit()
    assert (tmp_path / LAST).is_file() == kept
    assert (str(tmp_path) in str(caught.value)) == kept  # how to go on, or where it is


@pytest.mark.parametrize("size", [(3, 48), (48, 3), (1, 1), (5, 7)])
@pytest.mark.parametrize("net", ["rCNN2", "rCNN3", "CNN1"])
def test_tiny_pictures_under_a_random_shift(net, size):
    from minicnn.models.recurrent import Recurrent

    network = Recurrent(3, net=net, width=0.1)
    image = np.random.default_rng(0).integers(0, 256, (*size, 3), dtype=np.uint8)
    labels = np.random.default_rng(1).integers(0, 3, (1, *size))
    (planes,) = network.preprocess(image)
    for seed in range(6):
        minicnn.manual_seed(seed)
        loss, scores = network.loss([minicnn.Tensor(planes[None])], labels)
        assert np.isfinite(loss.item()) and scores.shape == (1, 3, *size)
        loss.backward()


@pytest.mark.parametrize("steps", [9, 300])
def test_labels_that_the_network_never_asks_for_end_in_a_sentence(steps, tmp_path):
    """Of cells of 16 pixels the one in the middle is asked, and the labels lie in two rows."""
    root = corner_labels(tmp_path / "corner")
    settings = {"width": 0.1, "output": 16}
    words = "nothing was learnt: 4|no pixel where the network is asked is labelled: p"
    with pytest.raises(DataError, match=words):
        minicnn.train("recurrent", root, steps=steps, settings=settings, quiet=True)


def test_pictures_smaller_than_a_cell_are_learnt_from():
    from minicnn.models.recurrent import Recurrent

    network = Recurrent(3, net="rCNN2", width=0.1, output=16)
    image = np.random.default_rng(0).integers(0, 256, (3, 5, 3), dtype=np.uint8)
    (planes,) = network.preprocess(image)
    losses = [
        network.loss([minicnn.Tensor(planes[None])], np.full((1, 3, 5), k))[0] for k in (0, 1)
    ]
    assert losses[0].item() != losses[1].item() and min(loss.item() for loss in losses) > 0


def test_the_pictures_of_val_that_are_looked_at_have_labels(tmp_path, monkeypatch):
    """Of 12 pictures 3 are looked at; one of them is void, and so is who would take its place."""
    root = corner_labels(tmp_path / "corner", count=14)
    (root / "val.txt").write_text("".join(f"p{k}\n" for k in range(2, 14)))
    for name in ("p3", "p6"):
        Image.fromarray(np.full((40, 60), VOID, np.uint8)).save(root / f"labels/{name}.png")
    run = minicnn.train("patch", root, steps=1, settings={"width": 0.1}, quiet=True)
    seen, real = [], pixels.score

    def noted(network, pictures, *rest, **more):
        pictures = list(pictures)
        seen.append([picture.name for picture in pictures])
        return real(network, pictures, *rest, **more)

    monkeypatch.setattr(pixels, "score", noted)
    found = [run.task.validate(3)["val_accuracy"] for _ in range(2)]
    assert seen == 2 * [["p2", "p10", "p4"]]  # in the place of p6 not p3, but p4
    assert found[0] == found[1] and np.isfinite(found[0])


# --------------------------------------------------------------------------- learning one by heart
def test_overfit_one_says_whether_it_learnt(capsys):
    def trained(steps, **settings):
        settings = {"width": 0.5, "flip": False, "lr": 0.02, "warm_up": 0} | settings
        data = {"data_options": SCENES | {"size": (16, 24)}, "settings": settings}
        minicnn.train("recurrent", steps=steps, overfit_one=True, **data)
        return capsys.readouterr().err.splitlines()[-1]

    assert trained(1).startswith("did NOT learn it: ")
    assert " of its pixels right after 1 steps; more steps or another lr may help" in trained(1)


def test_overfit_one_of_pictures(tmp_path, capsys):
    root = make_image_folder(tmp_path / "squares")
    settings = {"size": 20, "width": 0.2, "lr": 0.1, "warm_up": 0}
    minicnn.train("three-layers", root, steps=15, overfit_one=True, settings=settings)
    assert capsys.readouterr().err.splitlines()[-1] == "learnt it: 100.0% of its pictures right"


# ----------------------------------------------------------------------------- batches of pictures
SETTINGS = {"size": 20, "width": 0.1, "batch": 4, "validations": 1, "dropout": 0.2}


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    return make_image_folder(tmp_path_factory.mktemp("data") / "squares")


def train(root, out=None, **changes):
    options = {"steps": 9, "settings": SETTINGS, "quiet": True} | changes
    return minicnn.train("three-layers", root, out=out, **options)


def test_a_stopped_training_of_pictures_resumes_to_the_same_bits(root, tmp_path, monkeypatch):
    whole, learn, calls = train(root), Pictures.loss, []

    def interrupted(self, batch):
        calls.append(1)
        if len(calls) == 6:
            raise KeyboardInterrupt
        return learn(self, batch)

    monkeypatch.setattr(Pictures, "loss", interrupted)
    with pytest.raises(KeyboardInterrupt, match="stopped after step 5; go on with"):
        train(root, tmp_path / "run")
    monkeypatch.undo()
    resumed = minicnn.resume(tmp_path / "run", quiet=True)
    assert resumed.steps_done == 9
    assert same(resumed.network.state_dict(), whole.network.state_dict())


def test_a_picture_of_val_that_cannot_be_read_gives_its_place_to_another(tmp_path, monkeypatch):
    root = make_image_folder(tmp_path / "squares")
    task = train(root, steps=1, skip_bad=True).task
    first, *others = task.val.names
    (root / first).write_bytes(b"no picture")
    seen, real = [], pictures.rank

    def noted(network, photographs, classes):
        photographs = list(photographs)
        seen.append([photograph.name for photograph in photographs])
        return real(network, photographs, classes)

    monkeypatch.setattr(pictures, "rank", noted)
    assert np.isfinite(task.validate(1)["val_accuracy"]) and seen == [others[:1]]


def fed(root, threads, skip_bad=False, first=0, last=7):
    """What a training is fed with: [(step, crops, classes), ...], and the loader."""
    dataset = datasets.load(root)
    options = TrainingOptions(batch=4)
    config = Config("three-layers", list(dataset.classes), {}, 0, training=options, seed=3)
    config.skip_bad = skip_bad
    task = Pictures(ThreeLayers(3, size=20, width=0.1), config, dataset)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(pictures, "THREADS", threads)
        with task.feed(first, last) as loader:
            return [(step, crops, labels) for step, (crops, labels) in loader], loader


def test_one_thread_and_several_feed_the_same(root):
    one, several = fed(root, 1)[0], fed(root, 3)[0]
    assert [step for step, *_ in one] == list(range(7))
    for (a, x, y), (b, z, w) in zip(one, several, strict=True):
        assert a == b and np.array_equal(x, z) and np.array_equal(y, w)
        assert x.shape == (4, 3, 20, 20) and x.dtype == np.float32
    later = fed(root, 2, first=4)[0]
    assert [s for s, *_ in later] == [4, 5, 6] and np.array_equal(later[0][1], one[4][1])
    assert not [t for t in threading.enumerate() if t.name.startswith("minicnn")]


def test_a_bad_file_in_a_batch_is_left_out_of_it(tmp_path):
    root = make_image_folder(tmp_path / "squares")
    name = datasets.load(root).names("train")[4]
    whole = fed(root, 2)[0]
    (root / name).write_bytes(b"no picture")
    with pytest.raises(DataError, match=f"{name}.* is damaged"):
        fed(root, 2)
    batches, loader = fed(root, 2, skip_bad=True)
    assert [bad for bad, _ in loader.skipped] == [name]
    assert [step for step, *_ in batches] == list(range(7))
    sizes = [len(crops) for _, crops, _ in batches]
    assert set(sizes) == {3, 4} and sum(4 - n for n in sizes) in (1, 2)
    for (_, x, _), (_, z, _) in zip(batches, whole, strict=True):
        assert np.array_equal(x, z) or len(x) == 3


def test_later_epochs_come_from_memory_and_are_the_same(root, monkeypatch):
    read, seen = ImageFolder.read, []

    def noted(self, name):
        seen.append(name)
        return read(self, name)

    monkeypatch.setattr(ImageFolder, "read", noted)
    kept = fed(root, 1, last=12)[0]
    assert sorted(seen) == sorted(datasets.load(root).names("train"))
    seen.clear()
    monkeypatch.setattr(pictures, "MOST", 0)
    for (_, x, _), (_, z, _) in zip(kept, fed(root, 2, last=12)[0], strict=True):
        assert np.array_equal(x, z)
    assert len(seen) == 12 * 4
