"""What is exported answers elsewhere as it answers here: every network, at three sizes of
pictures."""

import json

import numpy as np
import pytest

import minicnn
from minicnn import interchange, models
from minicnn.interchange import describing, exporting, networks
from minicnn.interchange.errors import InterchangeError
from minicnn.interchange.operations import WRITERS
from minicnn.interchange.tracing import Graph, Size
from minicnn.learning import checkpoints
from minicnn.learning.config import Config
from minicnn.nn import init

onnxruntime = pytest.importorskip("onnxruntime", reason="onnxruntime is not installed")
CLASSES = ["sky", "tree", "road"]
NETWORKS = {
    "patch": ("patch", {"width": 0.5}),
    "patch-every-pixel": ("patch", {"width": 0.3, "every": 1, "normalise": "both"}),
    "single-scale": ("single-scale", {"width": 0.1, "hidden": 40}),
    "multi-scale": ("multi-scale", {"width": 0.1, "normalise": "both", "window": 6}),
    "multi-scale-faithful": (
        "multi-scale",
        {"width": 0.2, "tables": "random", "pyramid": "laplacian", "nonlinearity": "tanh"},
    ),
    "recurrent": ("recurrent", {"width": 0.3, "normalise": "local"}),
    "recurrent-three": (
        "recurrent",
        {"width": 0.2, "net": "rCNN3", "feedback": "scores", "output": 2},
    ),
    "feedback": ("feedback", {"maps": 3, "side": 64, "iterations": 2, "folds": 2, "mix": 2}),
    "feedback-surroundings": (
        "feedback",
        {"maps": 3, "side": 64, "levels": 3, "iterations": 2, "feedback": "surroundings"},
    ),
    "alexnet": ("alexnet", {"size": 40, "width": 0.05}),
    "alexnet-caffe": (
        "alexnet",
        {"size": 40, "width": 0.05, "order": "caffe", "columns": 1, "colours": "bgr"},
    ),
    "three-layers": ("three-layers", {"size": 20, "width": 0.1}),
}


def saved(folder, name, options):
    """The checkpoint of a network that has learnt nothing, and whose weights are all random."""
    minicnn.manual_seed(1)
    config = Config(name, CLASSES, models.find(name)[0].merged(options), 0)
    network = checkpoints.build(config)
    random = np.random.default_rng(1)
    for p in network.parameters():
        p.data = p.data + random.normal(0, 0.05, p.shape).astype(np.float32)
    config.tables = checkpoints.tables_of(network)
    path = folder / "network.safetensors"
    checkpoints.save(path, network.state_dict(), config.to_json())
    return path


def session_of(path):
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads, options.log_severity_level = 1, 3
    return onnxruntime.InferenceSession(path, options)


def pictures(size, count=1):
    """Not noise: coarse spots, whose smooth parts have little variance."""
    random, (height, width) = np.random.default_rng(size), size
    coarse = random.integers(0, 256, (count, -(-height // 8), -(-width // 8), 3))
    fine = coarse.repeat(8, axis=1).repeat(8, axis=2)[:, :height, :width]
    return (fine + random.integers(0, 3, fine.shape)).clip(0, 255).astype(np.uint8)


def planes(images):
    return np.moveaxis(images, 3, 1).astype(np.float32)


@pytest.mark.parametrize("label", NETWORKS)
def test_onnxruntime_says_the_same(label, tmp_path):
    name, options = NETWORKS[label]
    path = saved(tmp_path, name, options)
    interchange.export(path, tmp_path / "model.onnx")
    session, form = session_of(tmp_path / "model.onnx"), networks.FORMS[name]
    network, _ = checkpoints.load_model(path)
    for size in [(24, 31), (41, 28), (5, 64)]:
        size = (network.options["size"],) * 2 if form.crop else size
        two = pictures(size, 2)
        got = session.run(["scores"], {"image": planes(two)})[0]
        want = np.concatenate([form.answer(name, network, image) for image in two])
        np.testing.assert_allclose(got, want, rtol=0, atol=1e-4)
        assert np.abs(want).max() > 0.01


def test_alexnet_names_pixels_too(tmp_path):
    path = saved(tmp_path, "alexnet", {"size": 40, "width": 0.05})
    interchange.export(path, tmp_path / "model.onnx", pixels=True)
    session = session_of(tmp_path / "model.onnx")
    network, _ = checkpoints.load_model(path)
    asked = networks.Everywhere(network, "alexnet")
    for size in [(24, 31), (41, 28), (70, 64)]:
        image = pictures(size)
        got = session.run(None, {"image": planes(image)})[0]
        np.testing.assert_allclose(got[0], asked.predict(image[0]), rtol=0, atol=1e-4)
    said = session.get_modelmeta().custom_metadata_map["caller"]
    assert f"has {asked.long_side} pixels, so bring others to that" in said


@pytest.mark.parametrize(
    "name, options, size",
    [
        ("patch", {"width": 0.2}, (30, 23)),
        ("alexnet", {"size": 40, "width": 0.05}, (61, 53)),
        ("three-layers", {"size": 20, "width": 0.1}, (61, 50)),
        ("feedback", {"maps": 2, "side": 64, "iterations": 1, "mix": 2}, (96, 61)),
    ],
)
def test_the_snippet_of_the_metadata_does_what_predict_does(
    name, options, size, tmp_path, monkeypatch
):
    from PIL import Image

    path = saved(tmp_path, name, options)
    interchange.export(path, tmp_path / "model.onnx")
    image = pictures(size)[0]
    Image.fromarray(image).save(tmp_path / "photo.jpg", "PNG")
    monkeypatch.chdir(tmp_path)
    text = session_of("model.onnx").get_modelmeta().custom_metadata_map
    found = {}
    exec(text["snippet"], found)
    network, _ = checkpoints.load_model(path)
    want, got = network.predict(image), found["scores"]
    if name == "feedback":  # whose scores the caller enlarges
        y = minicnn.Tensor(got[None])
        got = minicnn.functional.interpolate(y, size=size, mode="bilinear").numpy()[0]
    np.testing.assert_allclose(got, want, rtol=0, atol=1e-4)
    assert found["classes"] == CLASSES == json.loads(text["classes"])
    if name in ("alexnet", "three-layers"):
        assert found["label"] == CLASSES[want.argmax()]
    else:
        assert found["labels"].shape == got.shape[1:] if name != "feedback" else True


def test_weights_have_the_names_of_the_checkpoint(tmp_path):
    path = saved(tmp_path, "multi-scale", {"width": 0.1, "tables": "random"})
    interchange.export(path, tmp_path / "model.onnx")
    arrays, _ = checkpoints.load(path)
    back = interchange.load(tmp_path / "model.onnx")
    state = back.state_dict()
    assert state.keys() >= arrays.keys()
    for name, array in arrays.items():
        np.testing.assert_array_equal(state[name], array)
    config = Config.from_json(json.loads(back.metadata["minicnn"]), "model.onnx")
    assert config.model == "multi-scale" and config.classes == CLASSES


def test_what_decides_by_the_size_is_not_written(tmp_path, monkeypatch):
    """Such a network would be wrong at other sizes, without a word."""
    form = networks.FORMS["patch"]

    def ask(g, network, x):
        y = form.ask(g, network, x)
        return y * 2.0 if x.shape[2] > 50 else y

    monkeypatch.setitem(networks.FORMS, "patch", networks.Form(ask))
    monkeypatch.setattr(
        networks.Form, "answer", lambda self, name, network, image: ask_twice(image)
    )

    def ask_twice(image):
        scores = network.predict(image)[None]
        return scores * 2 if image.shape[0] > 50 else scores

    path = saved(tmp_path, "patch", {"width": 0.2})
    network, _ = checkpoints.load_model(path)
    with pytest.raises(InterchangeError, match="says something else of a picture of 59x31 pixels"):
        interchange.export(path, tmp_path / "model.onnx")
    assert not (tmp_path / "model.onnx").exists()


def test_an_operation_without_a_place_is_said(tmp_path, monkeypatch):
    monkeypatch.delitem(WRITERS, "Tanh")
    path = saved(tmp_path, "patch", {"width": 0.2})
    with pytest.raises(InterchangeError, match="the operation tanh has no place in an ONNX file"):
        interchange.export(path, tmp_path / "model.onnx")


def test_what_cannot_name_pixels_is_said(tmp_path):
    for name, message in (
        ("patch", "names the pixels already"),
        ("three-layers", "take a network"),
    ):
        path = saved(tmp_path, name, {"width": 0.1})
        with pytest.raises(InterchangeError, match=message):
            interchange.export(path, tmp_path / "model.onnx", pixels=True)


def test_a_file_beyond_protobuf_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(exporting, "LARGEST", 1000)
    path = saved(tmp_path, "patch", {"width": 0.2})
    with pytest.raises(InterchangeError, match="one piece holds at most 2 GB"):
        interchange.export(path, tmp_path / "model.onnx")


def test_sizes_know_how_they_are_computed():
    g = Graph(minicnn.nn.ReLU(), WRITERS)
    n = Size(37, "dim", "x", 2)
    for value, want in (
        (n + 3, 40),
        (3 - n, -34),
        (2 * n - n, 37),
        (-n % 4, 3),
        (-(-n // 4), 10),
        (n // 4 * 4, 36),
    ):
        assert value == want and isinstance(value, Size)
        assert g.sizes([value, 1]).startswith("Concat")
    assert not isinstance(n * 0.5, Size)


def test_every_network_has_a_form_and_a_description(tmp_path):
    assert set(networks.FORMS) >= set(models.MODELS) - set(networks.UNWRITTEN)
    assert not set(networks.FORMS) & set(networks.UNWRITTEN)
    for name in networks.UNWRITTEN:
        with pytest.raises(ValueError, match=f"{name} cannot be written as an ONNX file: "):
            networks.form_of(name, models.find(name)[0](3))
    for name, form in networks.FORMS.items():
        if name in models.MODELS:
            with init.shapes_only():
                network = models.find(name)[0](3)
            config = Config(name, CLASSES, network.options, 0, long_side=320)
            text = describing.metadata(config, network, form)
            assert all(isinstance(v, str) for v in text.values())
            compile(text["snippet"], "snippet", "exec")
