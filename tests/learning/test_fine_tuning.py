"""Beginning with the weights of another network: what is taken, what is said, and how fast what is
new learns."""

import numpy as np
import pytest
from support.image_folders import make_image_folder

import minicnn
from minicnn import Tensor, models, nn, optim
from minicnn.learning import checkpoints
from minicnn.learning.errors import TrainingError
from minicnn.learning.pictures import Pictures
from minicnn.models.alexnet import AlexNet

SMALL = {"size": 40, "width": 0.1, "columns": 1, "batch": 4, "validations": 1, "warm_up": 0}
RATES = {"batch": 4, "validations": 1, "lr": 0.01, "warm_up": 0, "momentum": 0.0}


# ------------------------------------------------------------------------------------ groups in SGD
def tensors(*values):
    found = [Tensor(np.array([v]), requires_grad=True) for v in values]
    for p in found:
        p.grad = np.ones(1)
    return found


def test_each_group_has_its_numbers():
    p, q, r = tensors(1.0, 1.0, 1.0)
    groups = [
        {"params": [p, p]},
        {"params": [q], "lr": 1.0},
        {"params": [r], "weight_decay": 0.5, "momentum": 0.5},
    ]
    sgd = optim.SGD(groups, lr=0.1, schedule=lambda step: 0.5**step)
    assert [g["lr"] for g in sgd.param_groups] == [0.1, 1.0, 0.1] and sgd.parameters == [p, q, r]
    sgd.step()
    assert sgd.rate == 0.05  # the first group's
    sgd.step()
    assert p.data == pytest.approx(1 - 0.1 - 0.05) and q.data == pytest.approx(1 - 1 - 0.5)
    first = 1 - 0.1 * 1.5  # v = 1 + 0.5 w
    assert r.data == pytest.approx(first - 0.05 * (0.5 * 1.5 + 1 + 0.5 * first))
    assert "params" in groups[0] and "lr" not in groups[0]  # the caller's dicts stay as they were


def test_groups_and_their_likes_in_pytorch():
    torch = pytest.importorskip("torch")
    ours, theirs = tensors(1.0, -2.0), [torch.nn.Parameter(torch.tensor([v])) for v in (1.0, -2.0)]
    make = [{"lr": 0.3}, {"momentum": 0.5, "weight_decay": 0.1}]
    a = optim.SGD([{"params": [p]} | g for p, g in zip(ours, make, strict=True)], lr=0.1)
    b = torch.optim.SGD([{"params": [p]} | g for p, g in zip(theirs, make, strict=True)], lr=0.1)
    for g in (1.0, 0.5, -2.0):
        for p, q in zip(ours, theirs, strict=True):
            p.grad, q.grad = np.array([g]), torch.tensor([g])
        a.step()
        b.step()
    for p, q in zip(ours, theirs, strict=True):
        assert p.data == pytest.approx(q.detach().numpy(), rel=1e-6)


@pytest.mark.parametrize(
    ("groups", "words"),
    [
        (lambda p, q: [{"params": [p]}, q], r"parameters\[1\] is no dict with params"),
        (lambda p, q: [{"lr": 0.1}], r"parameters\[0\] is no dict with params"),
        (lambda p, q: [{"params": [p], "lrate": 1}], "'lrate'; a group has params, lr, momentum"),
        (lambda p, q: [{"params": [p]}, {"params": [q, p]}], "a parameter is in two groups"),
        (lambda p, q: [{"params": [p]}, {"params": [q], "lr": -1}], "lr=-1"),
        (lambda p, q: [{"params": [p], "lr": float("nan")}], "lr=nan"),
        (lambda p, q: [{"params": []}], "no parameters to learn"),
    ],
)
def test_groups_that_are_refused(groups, words):
    with pytest.raises(ValueError, match=words):
        optim.SGD(groups(*tensors(1.0, 1.0)), lr=0.1)


# ----------------------------------------------------------------------------- a new last layer
@pytest.fixture(scope="module")
def root(tmp_path_factory):
    return make_image_folder(tmp_path_factory.mktemp("data") / "squares")


@pytest.fixture(scope="module")
def first(root, tmp_path_factory):
    """A network of three classes, and the folder of its run."""
    out = tmp_path_factory.mktemp("runs") / "first"
    return minicnn.train("alexnet", root, out=out, steps=3, settings=SMALL, quiet=True)


def tune(root, start, steps=1, model="alexnet", out=None, quiet=True, **settings):
    options = {"data_options": {"classes": "blue,red"}, "settings": RATES | settings}
    return minicnn.train(model, root, out=out, start=start, steps=steps, quiet=quiet, **options)


def moved(run, start):
    """{layer: how far its weights are from those of the start}, where the shapes agree."""
    before, after = start.network.state_dict(), run.network.state_dict()
    same = {k: a for k, a in after.items() if a.shape == before[k].shape}
    return {k: float(np.abs(a - before[k]).max()) for k, a in same.items()}


def test_the_last_layer_begins_anew_and_pictures_stay_as_they_were(root, first, capsys):
    run = tune(root, first.folder, quiet=False)
    said = capsys.readouterr()
    assert said.out == ""  # where results are, JSON for instance
    file = first.folder / "best.safetensors"
    assert f"fc8 begins at random: {file} names 3 classes, and these are 2\n" in said.err
    assert run.config.start.new == ["fc8.weight", "fc8.bias"]
    assert run.network.fc8.weight.shape[0] == 2
    for name in ("size", "width", "columns", "norm", "spread"):
        assert run.config.options[name] == first.config.options[name]
    assert np.array_equal(run.network.mean.numpy(), first.network.mean.numpy())


def test_what_else_does_not_fit_is_said_too(root, first, capsys):
    run = tune(root, first, quiet=False, size=56)
    assert "fc6, fc8 begin at random: " in capsys.readouterr().err
    assert run.network.mean.shape == (3, 56, 56)  # measured, of pictures cut to 56
    assert "mean" not in run.config.start.taken + run.config.start.new
    with pytest.raises(TrainingError, match="head_lr=2: all weights come from"):
        minicnn.train("alexnet", root, start=first, settings={"head_lr": 2}, steps=1, quiet=True)


def test_frozen_layers_stay_and_the_new_one_learns_faster(root, first):
    slow, fast = (tune(root, first, freeze="conv1, conv2", head_lr=k) for k in (1, 10))
    for run in (slow, fast):
        far = moved(run, first)
        assert far["conv1.weight"] == far["conv2.bias"] == 0 < far["conv3.weight"]
    begun = tune(root, first, head_lr=0).network.fc8.weight.numpy()  # as it began, at random
    steps = [run.network.fc8.weight.numpy() - begun for run in (slow, fast)]
    np.testing.assert_allclose(steps[1], 10 * steps[0], rtol=1e-3, atol=1e-7)
    assert moved(slow, first) == moved(fast, first)  # the other layers took the same step
    assert fast.config.training.head_lr == 10


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"freeze": "fc8"}, "freeze=fc8: fc8.bias does not come from .*best.safetensors"),
        ({"freeze": "conv9"}, "freeze 'conv9': there is no such module"),
        ({"head_lr": -1}, "head_lr=-1"),
    ],
)
def test_what_cannot_be_fine_tuned(settings, words, root, first):
    with pytest.raises(ValueError, match=words):
        tune(root, first.folder, **settings)
    with pytest.raises(TrainingError, match="head_lr=10: without --start all layers begin at ran"):
        tune(root, None, head_lr=10)


def test_a_stopped_fine_tuning_resumes_to_the_same_bits(root, first, tmp_path, monkeypatch):
    settings = {"head_lr": 5.0, "momentum": 0.9, "freeze": "conv1"}
    whole = tune(root, first, steps=5, **settings).network.state_dict()
    learn, calls = Pictures.loss, []

    def interrupted(self, batch):
        calls.append(1)
        if len(calls) == 4:
            raise KeyboardInterrupt
        return learn(self, batch)

    monkeypatch.setattr(Pictures, "loss", interrupted)
    with pytest.raises(KeyboardInterrupt, match="stopped after step 3"):
        tune(root, first, steps=5, out=tmp_path / "run", **settings)
    monkeypatch.undo()
    assert checkpoints.load(tmp_path / "run/last.safetensors")[1]["training"]["head_lr"] == 5
    resumed = minicnn.resume(tmp_path / "run", quiet=True)
    found = resumed.network.state_dict()
    assert whole.keys() == found.keys() and all(np.array_equal(whole[k], found[k]) for k in whole)
    assert [len(g["params"]) for g in resumed.optimizer.param_groups] == [12, 2]


# -------------------------------------------------------------------------------- another network
class Shallow(AlexNet):
    """A network of another kind that has some of the layers: two convolutions, and a new head."""

    def __init__(self, classes, **options):
        super().__init__(classes, **options)
        maps = self.conv2.weight.shape[0]
        for name in ("conv3", "conv4", "conv5", "fc6", "fc7", "fc8"):
            delattr(self, name)
        self.head = nn.Linear(maps, classes)

    def forward(self, x):
        x = self._normalise_and_pool(self.activation(self.conv1((x - self.mean) * 0.02)))
        return self.head(self._normalise_and_pool(self.activation(self.conv2(x))).mean(dim=(2, 3)))


def test_any_network_takes_the_layers_that_it_has(root, first, monkeypatch, capsys):
    monkeypatch.setitem(models.MODELS, "shallow-net", (Shallow, models.MODELS["alexnet"][1]))
    run = tune(root, first, model="shallow-net", head_lr=10, quiet=False)
    assert "head begins at random: a run has no such weights" in capsys.readouterr().err.replace(
        str(first.folder), "a run"
    )
    assert set(run.config.start.taken) == {
        *("conv1.weight", "conv1.bias", "conv2.weight", "conv2.bias", "mean")
    }
    assert run.config.options["size"] == 40
