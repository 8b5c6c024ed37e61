"""Weights of others as a beginning: by the order of the layers, with what the graph tells of the
options; a stand-in for the public files of AlexNet, in the form that these have."""

import json

import numpy as np
import pytest
from support.image_folders import make_image_folder
from support.onnx_files import helper, model, node

import minicnn
from minicnn import Tensor, cli, interchange, models
from minicnn.interchange.converting import convert
from minicnn.interchange.errors import InterchangeError
from minicnn.learning import checkpoints
from minicnn.learning.errors import TrainingError
from minicnn.learning.mean_files import of_file
from minicnn.models.alexnet import AlexNet

SMALL = {"size": 40, "width": 0.05, "order": "caffe", "colours": "bgr"}
CAFFE = {"norm": 2e-3, "norm_bias": 1.0, "initial": "he", "dropout": 0.0}
NAMES = ("conv1", "conv2", "conv3", "conv4", "conv5", "fc6", "fc7", "fc8")


def built(**options):
    minicnn.manual_seed(2)
    network = AlexNet(5, **SMALL | CAFFE | options)
    network.mean.data = network.mean.data * 0 + np.float32([[[104]], [[117]], [[123]]])
    return network.eval()


def caffenet(network, classifier="Gemm"):
    """The ModelProto of a file as those of Caffe's networks are: opset 3, weights that are inputs
    as well, Dropout with a mask, names of another program. Its pictures have lost their mean."""
    arrays, nodes, x = {}, [], "data_0"
    for k, name in enumerate(NAMES):
        layer = getattr(network, name)
        w, b, y = f"{name}_w_0", f"{name}_b_0", f"{name}_1"
        arrays[w], arrays[b] = layer.weight.numpy(), layer.bias.numpy()
        if name.startswith("conv"):
            stride, padding, _, group = layer.geometry
            geometry = {"strides": [stride] * 2, "pads": [padding] * 4, "group": group}
            kernel = [*layer.weight.shape[2:]]
            nodes.append(node("Conv", f"{x} {w} {b}", y, kernel_shape=kernel, **geometry))
            nodes.append(node("Relu", y, f"{name}_2"))
            x = f"{name}_2"
            if k in (0, 1, 4):
                nodes.append(node("MaxPool", x, f"pool{k}", kernel_shape=[3, 3], strides=[2, 2]))
                x = f"pool{k}"
            if k in (0, 1):
                norm = {"size": 5, "alpha": 5 * CAFFE["norm"], "beta": 0.75, "bias": 1.0}
                nodes.append(node("LRN", x, f"norm{k}", **norm))
                x = f"norm{k}"
            continue
        if name == "fc6":
            shape = [1, layer.weight.shape[1]]
            nodes.append(node("Reshape", x, "flat", shape=shape))
            x = "flat"
        if classifier == "MatMul":
            arrays[w] = np.ascontiguousarray(arrays[w].T)
            nodes.append(node("MatMul", f"{x} {w}", f"{name}_0"))
            nodes.append(node("Add", f"{name}_0 {b}", y, broadcast=1))
        else:
            nodes.append(node("Gemm", f"{x} {w} {b}", y, broadcast=1, transB=1))
        x = y
        if name != "fc8":
            nodes.append(node("Relu", y, f"{name}_2"))
            nodes.append(node("Dropout", f"{name}_2", f"{name}_3 mask{k}", is_test=1))
            x = f"{name}_3"
    nodes.append(node("Softmax", x, "prob_1"))
    size = network.options["size"]
    proto = model(nodes, {"data_0": [1, 3, size, size]}, arrays, opset=3, outputs="prob_1")
    for name, a in arrays.items():
        proto.graph.input.append(helper.make_tensor_value_info(name, 1, a.shape))
    return proto


@pytest.fixture
def file(tmp_path):
    network = built()
    (tmp_path / "caffenet.onnx").write_bytes(caffenet(network).SerializeToString())
    np.save(tmp_path / "mean.npy", np.float64([104, 117, 123]))
    return network, tmp_path / "caffenet.onnx"


def picture(size=40):
    return np.random.default_rng(3).integers(0, 256, (size, size, 3), np.uint8)


def test_the_stand_in_says_what_the_network_says(file):
    network, path = file
    back, x = interchange.load(path), network.normalise(picture()[None])
    want = minicnn.functional.softmax(network(Tensor(x)), dim=1).numpy()
    np.testing.assert_allclose(back.predict(x - network.mean.numpy()), want, atol=1e-6)
    assert list(back.state_dict()) == [f"{n}_{p}_0" for n in NAMES for p in "wb"]


def test_it_becomes_a_checkpoint_in_one_command(file, capsys):
    network, path = file
    folder = path.parent
    (folder / "words.txt").write_text("n01 tench\nn02 goldfish\nn03 shark\nn04 ray\nn05 cock\n")
    settings = ["model=alexnet", *(f"{k}={v}" for k, v in SMALL.items() if k != "order")]
    settings += [f"mean={folder}/mean.npy", f"classes={folder}/words.txt"]
    to = str(folder / "alexnet.safetensors")
    assert cli.main(["export", str(path), to, "--set", *settings]) == 0
    assert f"minicnn info {to}" in capsys.readouterr().out
    ours, config = checkpoints.load_model(to)
    assert (config.options["order"], config.options["columns"]) == ("caffe", 2)
    assert config.options["norm"] == 2e-3 and config.options["norm_bias"] == 1
    want = network.predict(picture())
    np.testing.assert_allclose(ours.predict(picture()), want, atol=3e-3)  # halves
    assert cli.main(["info", to]) == 0
    said = capsys.readouterr().out
    for part in ("n01 tench, n02 gold", "colours=bgr", "mean.npy", "order=caffe", "caffenet.onnx"):
        assert "".join(part.split()) in "".join(said.split()), said  # lines end anywhere
    assert "104.0, 117.0, 123.0 (bgr)" in said
    assert cli.main(["info", to, "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["config"]["options"]["colours"] == "bgr"


def test_a_training_begins_with_it(file, tmp_path, capsys):
    network, path = file
    root = make_image_folder(tmp_path / "animals")
    settings = {k: v for k, v in SMALL.items() if k != "order"}
    settings |= {"mean": str(tmp_path / "mean.npy"), "lr": 0.0, "batch": 4, "validations": 1}
    run = minicnn.train("alexnet", root, start=path, settings=settings, steps=1)
    assert "fc8 begins at random" in capsys.readouterr().err
    assert run.config.start.new == ["fc8.weight", "fc8.bias"]
    assert run.config.options["order"] == "caffe" and run.config.options["norm_bias"] == 1
    for name in NAMES[:-1]:
        weight = getattr(run.network, name).weight.numpy()
        np.testing.assert_array_equal(weight, getattr(network, name).weight.numpy())
    np.testing.assert_array_equal(run.network.mean.numpy(), network.mean.numpy())


@pytest.mark.parametrize("classifier", ["Gemm", "MatMul"])
def test_the_same_weights_however_they_are_written(classifier, tmp_path):
    network = built()
    path = tmp_path / "net.onnx"
    path.write_bytes(caffenet(network, classifier).SerializeToString())
    ours = convert(path, {"model": "alexnet", **SMALL}).network
    for name, p in network.named_parameters():
        np.testing.assert_array_equal(ours.state_dict()[name], p.numpy())


def test_what_was_exported_here_comes_back(tmp_path):
    minicnn.manual_seed(0)
    small = {"data_options": {"size": (32, 48), "train": 2, "val": 1, "test": 1}, "quiet": True}
    settings = {"width": 0.1, "hidden": 10, "tables": "random"}
    run = minicnn.train("single-scale", "scenes", settings=settings, steps=1, **small)
    interchange.export(run, tmp_path / "net.onnx")
    carried = convert(tmp_path / "net.onnx")
    assert carried.config.to_json() == run.config.to_json() | {"step": carried.config.step}
    for name, a in run.network.state_dict().items():
        np.testing.assert_array_equal(carried.network.state_dict()[name], a)
    again = minicnn.train(
        "single-scale",
        "scenes",
        start=tmp_path / "net.onnx",
        settings=settings | {"lr": 0.0},
        steps=1,
        **small,
    )
    assert again.config.start.new == []
    assert again.config.tables == run.config.tables


def test_what_does_not_fit_is_said(file, tmp_path):
    _, path = file
    for settings, message in (
        ({}, "which of our networks is it"),
        ({"model": "alexnet", **SMALL, "columns": 1}, "its layer for conv.*.weight has another sh"),
        ({"model": "patch"}, "8 layers with weights, and the network has 4"),
        ({"model": "alexnet", **SMALL, "classes": str(path)}, "not readable as UTF-8 text"),
        ({"model": "alexnet", **SMALL, "colours": "yuv"}, "choose rgb or bgr"),
        (
            {"model": "alexnet", **SMALL, "mean": "nowhere.npy"},
            "mean=nowhere.npy: there is no such",
        ),
    ):
        with pytest.raises(ValueError, match=message):
            convert(path, settings)
    (tmp_path / "words.txt").write_text("\ufeffone\ntwo\n3\n4\n5\n", encoding="utf-8")
    named = convert(path, {"model": "alexnet", **SMALL, "classes": str(tmp_path / "words.txt")})
    assert named.config.classes == ["one", "two", "3", "4", "5"]  # without the mark in front
    (tmp_path / "words.txt").write_text("one\none\n")
    with pytest.raises(InterchangeError, match="2 lines, 1 different ones, and .* names 5 classes"):
        convert(path, {"model": "alexnet", **SMALL, "classes": str(tmp_path / "words.txt")})


@pytest.mark.parametrize(
    "arguments, message",
    [
        (["patch", "net.txt"], "has to end in .safetensors or .onnx"),
        (["patch", "net.onnx", "--set", "model=patch"], "--set is for .onnx files"),
        (["patch", "net.safetensors", "--pixels"], "--pixels is for .onnx files"),
        (["a.onnx", "b.onnx"], "a.onnx is an ONNX file already"),
        (["a.onnx", "b.safetensors"], "a.onnx: there is no such file"),
        (["patch", "net.onnx", "--pixels"], "patch names the pixels already"),
    ],
    ids=range(6),
)
def test_mistakes_on_the_command_line(arguments, message, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert cli.main(["export", *arguments]) == 2
    said = capsys.readouterr().err
    assert message in said and said.count("\n") == 1
    assert list(tmp_path.iterdir()) == []


def test_from_the_command_line_and_back(tmp_path, capsys):
    to = tmp_path / "patch.onnx"
    assert cli.main(["export", "patch", str(to)]) == 0
    assert "to be done before: nothing" in capsys.readouterr().out
    assert cli.main(["export", "patch", str(to)]) == 2  # it exists
    assert cli.main(["info", str(to)]) == 0
    said = capsys.readouterr().out
    assert "image ['N', 3, 'height', 'width']" in said and "classes" in said


def test_elsewhere_a_checkpoint_is_asked_for(capsys):
    assert cli.main(["evaluate", "net.onnx", "--data", "scenes"]) == 2
    said = capsys.readouterr().err
    assert "make a checkpoint of it first: minicnn export net.onnx net.safetensors" in said


# ------------------------------------------------------------------------------- the mean in a file
def blob(shape, values, old=True):
    """A BlobProto, packed."""

    def whole(n):
        return bytes([n & 127 | 128, n >> 7]) if n > 127 else bytes([n])

    numbers = np.asarray(values, "<f4").tobytes()
    if old:
        head = b"".join(bytes([8 * (k + 1)]) + whole(n) for k, n in enumerate(shape))
    else:
        dims = b"".join(map(whole, shape))
        inner = b"\x0a" + whole(len(dims)) + dims
        head = b"\x3a" + whole(len(inner)) + inner
    return head + b"\x2a" + whole(len(numbers)) + numbers


def test_means(tmp_path):
    network = built(size=33)
    mean = np.random.default_rng(0).uniform(0, 255, (3, 36, 37)).astype(np.float32)
    want = mean[:, 1:34, 2:35]
    np.save(tmp_path / "a.npy", mean.astype(np.float64))
    np.testing.assert_array_equal(of_file(tmp_path / "a.npy", network), want)
    small = np.float32([1, 2, 3]).reshape(1, 3, 1, 1)
    for k, old in enumerate((True, False)):
        (tmp_path / f"{k}.binaryproto").write_bytes(blob((1, 3, 1, 1), small, old))
        got = of_file(tmp_path / f"{k}.binaryproto", network)
        assert got.shape == (3, 33, 33) and (got[:, 0, 0] == [1, 2, 3]).all()


@pytest.mark.parametrize(
    "name, data, message",
    [
        ("mean.txt", b"1 2 3", "expected a file .npy or .binaryproto"),
        ("mean.npy", b"damaged", "damaged, or no mean picture"),
        ("mean.binaryproto", b"\x2a\xff\x7f", "damaged, or no mean picture"),
        ("mean.binaryproto", blob((1, 3, 9, 9), [1.0]), "damaged, or no mean picture"),
        ("mean.npy", np.zeros((3, 20, 20)), "20x20 pixels, and the network sees 40"),
        ("mean.npy", np.zeros((4, 50, 50)), r"of shape \(4, 50, 50\), expected"),
        ("mean.npy", np.full(3, 300.0), "expected grey levels"),
        ("mean.npy", np.array(["a", "b", "c"]), "damaged, or no mean picture"),
    ],
    ids=range(8),
)
def test_bad_means(name, data, message, tmp_path):
    path = tmp_path / name
    path.write_bytes(data) if isinstance(data, bytes) else np.save(path, data)
    with pytest.raises(TrainingError, match=message):
        of_file(path, built())


def test_bgr_is_rgb_the_other_way_round():
    """The same network, its first filters turned round: the same answers, pixels too."""
    rgb, bgr = built(colours="rgb"), built(colours="bgr")
    state = rgb.state_dict()
    state["conv1.weight"] = state["conv1.weight"][:, ::-1]
    state["mean"] = state["mean"][::-1]
    bgr.load_state_dict(state)
    np.testing.assert_allclose(rgb.predict(picture()), bgr.predict(picture()), atol=1e-5)
    a, b = (models.everywhere.Everywhere(n, "alexnet").predict(picture(64)) for n in (rgb, bgr))
    np.testing.assert_allclose(a, b, atol=1e-5)
