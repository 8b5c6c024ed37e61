"""Files that are no networks, damaged ones and such that lie: one sentence, and no memory."""

import numpy as np
import pytest
from support.onnx_files import helper, model, node, numpy_helper, one, onnx

from minicnn import interchange
from minicnn.interchange import importing
from minicnn.interchange.errors import InterchangeError

X = np.random.default_rng(0).normal(size=(2, 3, 5, 4)).astype(np.float32)
W = np.ones((2, 3, 3, 3), np.float32)
GOOD = one("Conv", X, W)


def changed(proto, change):
    """A copy of a ModelProto, changed."""
    copy = onnx.ModelProto()
    copy.CopyFrom(proto)
    change(copy)
    return copy


def refused(data, tmp_path, message):
    path = tmp_path / "net.onnx"
    path.write_bytes(data if isinstance(data, bytes) else data.SerializeToString())
    with pytest.raises(InterchangeError, match=message) as caught:
        interchange.load(path)
    text = str(caught.value)
    assert text.startswith(str(tmp_path)) and "\n" not in text and len(text) < 900


@pytest.mark.parametrize(
    "data, message",
    [
        (b"", "not an ONNX file"),
        (b"<html>not found</html>", "not an ONNX file"),
        (b"version https://git-lfs.github.com/spec/v1", "not an ONNX file"),
        (b"\x08\x07" * 20_000, "not an ONNX file"),
        (b"\x00" * 100, "not an ONNX file"),
        (b"\x08" + b"\xff" * 11, "not an ONNX file"),
        (GOOD.SerializeToString()[:-50], "incomplete: .* bytes, and .* are announced"),
        (b"\x08\x07\x3a\xff\xff\xff\xff\x07", "incomplete: 8 bytes, and 2,147,483,655"),
        (b"\x08\x07\x3a\x04\x0a\xff\x01\x02", "damaged: it begins like an ONNX file"),
        (onnx.ModelProto(ir_version=8).SerializeToString(), "not an ONNX file"),
    ],
    ids=range(10),
)
def test_no_network(data, message, tmp_path):
    refused(data, tmp_path, message)


def test_two_gigabytes_that_are_none(tmp_path):
    """A file with holes, which takes no room; were it read, it would take two gigabytes."""
    path = tmp_path / "net.onnx"
    for size, message in ((2**31 - 10, "not an ONNX file"), (2**31, "holds at most 2 GB")):
        with open(path, "wb") as file:
            file.truncate(size)
        with pytest.raises(InterchangeError, match=message):
            interchange.load(path)
    with pytest.raises(InterchangeError, match="there is no such file"):
        interchange.load(tmp_path / "other.onnx")


def _longer(m):
    m.graph.initializer[0].dims[0] = 10**12


def _negative(m):
    m.graph.initializer[0].dims[0] = -2


def _strings(m):
    m.graph.initializer[0].data_type = 8


def _typed(m):
    t = m.graph.initializer[0]
    t.ClearField("raw_data")
    t.float_data.extend([1.0, 2.0])


def _sparse(m):
    m.graph.sparse_initializer.add()


def _no_input(m):
    del m.graph.input[:]


def _no_output(m):
    del m.graph.output[:]


def _other_output(m):
    m.graph.output[0].name = "z"


def _declared(m):
    m.graph.input.append(helper.make_tensor_value_info("c0", 1, [2, 3, 5, 5]))


def _opset(version):
    def change(m):
        m.opset_import[0].version = version

    return change


def _operator(name, domain=""):
    def change(m):
        m.graph.node[0].op_type, m.graph.node[0].domain = name, domain

    return change


def _inputs(*names):
    def change(m):
        m.graph.node[0].input[:] = names

    return change


def _more(*nodes):
    def change(m):
        m.graph.node.extend(nodes)

    return change


@pytest.mark.parametrize(
    "change, message",
    [
        (_longer, "damaged: c0 of shape .1000000000000, 3, 3, 3. needs"),
        (_negative, "c0 has the impossible shape .-2, 3"),
        (_strings, "c0 is of a kind of numbers that is not read"),
        (_typed, "needs 54 numbers, and 2 are there"),
        (_sparse, "its weights are sparse"),
        (_no_input, "needs x, which nothing gives"),
        (_no_output, "a network without outputs"),
        (_other_output, "its output z is given by no node"),
        (_declared, "c0 is declared as .2, 3, 5, 5., and is .2, 3, 3, 3."),
        (_opset(2), "of opset 2, and 3 to 22 are read here; export it with opset_version=3"),
        (_opset(99), "of opset 99, .* opset_version=22"),
        (_operator("ConvTranspose"), "a transposed convolution is not known here"),
        (_operator("LSTM"), "there is no such operator here; there are Abs, Add"),
        (_operator("Convs"), "did you mean .*Conv"),
        (_operator("Conv", "com.microsoft"), "operators of com.microsoft are not known"),
        (_inputs("x"), "it has 1 inputs, expected 2 to 3"),
        (_inputs("x", "c0", "x", "x"), "it has 4 inputs, expected 2 to 3"),
        (_inputs("x", "nothing"), "it needs nothing, which nothing gives"),
        (_more(node("Relu", "x", "y")), "y is computed twice"),
        (_more(node("Relu", "b", "a"), node("Relu", "a", "b")), "round in a circle: a -> b -> a|b"),
        (_more(node("Relu", "x", "")), "it has no output"),
        (
            _more(node("MaxPool", "x", "p where", kernel_shape=[1, 1]), node("Relu", "where", "q")),
            "it needs where, a second output",
        ),
        (_more(node("Constant", "", "k", value_string="a")), "a constant of this kind"),
        (
            _more(node("If", "x", "k", then_branch=helper.make_graph([], "g", [], []))),
            "there is no such operator here",
        ),
    ],
    ids=range(24),
)
def test_files_that_lie(change, message, tmp_path):
    refused(changed(GOOD, change), tmp_path, message)


def test_pictures_have_to_be_as_declared():
    two = {"x": ["N", 3, "side", "side"], "z": ["N", 3, 1, 1]}
    proto = model([node("Add", "x z", "y")], two)
    proto.graph.output[0].CopyFrom(helper.make_tensor_value_info("y", 1, [None, 3, None, 7]))
    network = importing.loaded(proto.SerializeToString(), "net.onnx")
    x, z = np.zeros((2, 3, 7, 7), np.float32), np.ones((2, 3, 1, 1), np.float32)
    assert network.predict(x, z).shape == x.shape
    for inputs, message in (
        ((x,), "it takes 2 inputs .x, z., and 1 are given"),
        ((x[:, :2], z), r"x is declared as .N, 3, side, side., and is .2, 2, 7, 7."),
        ((x[:, :, :6], z), "x is declared as"),
        ((x, z[:1]), "z is declared as .N, 3, 1, 1."),
        ((x[0], z), "x is declared as"),
        ((x[:, :, :6, :6], z), r"y is declared as .\?, 3, \?, 7., and is .2, 3, 6, 6."),
    ):
        with pytest.raises(InterchangeError, match=f"^net.onnx: {message}"):
            network.predict(*inputs)


def test_every_kind_of_numbers(tmp_path):
    """Of weights; halves become floats, and raw and listed numbers are the same."""
    values = np.array([[0.5, -2.0], [3.0, 0.25]])
    for kind in ("float16", "float32", "float64", "int64", "int32", "uint8", "int8", "bool"):
        array = values.astype(kind)
        raw = numpy_helper.from_array(array, "c")
        listed = helper.make_tensor("c", raw.data_type, array.shape, array.ravel().tolist())
        for tensor in (raw, listed):
            proto = model([node("Cast", "c", "k", to=1), node("Add", "x k", "y")], {"x": [2, 2]})
            proto.graph.initializer.append(tensor)
            network = importing.loaded(proto.SerializeToString(), "net.onnx")
            got = network.predict(np.zeros((2, 2), np.float32))
            np.testing.assert_array_equal(got, array.astype(np.float32))
    half = helper.make_tensor("c", onnx.TensorProto.BFLOAT16, (2, 2), values.ravel().tolist())
    proto = model([node("Add", "x c", "y")], {"x": [2, 2]})
    proto.graph.initializer.append(half)
    network = importing.loaded(proto.SerializeToString(), "net.onnx")
    np.testing.assert_array_equal(network.predict(np.zeros((2, 2), np.float32)), values)


def external(tmp_path, **told):
    """A network whose weights lie in a second file, of which something else may be said."""
    (tmp_path / "weights.bin").write_bytes(bytes(8) + W.tobytes())
    proto = changed(GOOD, lambda m: m.graph.initializer[0].ClearField("raw_data"))
    tensor = proto.graph.initializer[0]
    tensor.data_location = onnx.TensorProto.EXTERNAL
    for key, value in ({"location": "weights.bin", "offset": 8, "length": W.nbytes} | told).items():
        tensor.external_data.add(key=key, value=str(value))
    return proto


def test_weights_in_a_second_file(tmp_path):
    (tmp_path / "net.onnx").write_bytes(external(tmp_path).SerializeToString())
    network = interchange.load(tmp_path / "net.onnx")
    np.testing.assert_array_equal(network.state_dict()["c0"], W)
    want = importing.loaded(GOOD.SerializeToString(), "good").predict(X)
    np.testing.assert_array_equal(network.predict(X), want)


@pytest.mark.parametrize(
    "told, message",
    [
        ({"location": "../secret.bin"}, "only from a file in the folder of the network"),
        ({"location": "/etc/passwd"}, "only from a file in the folder of the network"),
        ({"location": "link.bin"}, "only from a file in the folder of the network"),
        ({"location": "missing.bin"}, "and there is no such file"),
        ({"length": 10**15}, "needs 216 bytes, and 1,000,000,000,000,000 are there"),
        ({"offset": 10**15}, "is said to end at byte 1,000,000,000,000,216, and the file has 224"),
        ({"offset": -9}, "is said to end at byte"),
        ({"offset": "far"}, "where c0 lies is no number"),
    ],
    ids=range(8),
)
def test_a_second_file_that_is_not_there(told, message, tmp_path):
    (tmp_path / "link.bin").symlink_to("/dev/zero")
    refused(external(tmp_path, **told), tmp_path, message)


def test_functions_are_put_in_their_places():
    """As PyTorch's newer exporter may write them."""
    domain = "our.own"
    twice = helper.make_function(
        domain,
        "Twice",
        ["a"],
        ["b"],
        [helper.make_node("Add", ["a", "a"], ["b"])],
        [helper.make_opsetid("", 17)],
    )
    call = helper.make_node("Twice", ["x"], ["y"], domain=domain)
    proto = model([call], {"x": [None] * 4}, functions=[twice])
    proto.opset_import.append(helper.make_opsetid(domain, 1))
    network = importing.loaded(proto.SerializeToString(), "net.onnx")
    np.testing.assert_array_equal(network.predict(X), 2 * X)


def test_names_that_are_taken():
    """A weight may be called as a method of ours is; nodes may stand in any order."""
    nodes = [node("Relu", "a", "y"), node("Add", "x forward", "a")]
    proto = model(nodes, {"x": [None] * 4}, {"forward": np.ones(4, np.float32)})
    network = importing.loaded(proto.SerializeToString(), "net.onnx")
    assert list(network.state_dict()) == ["forward_"]
    np.testing.assert_array_equal(network.predict(X), np.maximum(X + 1, 0))


def test_weights_that_are_no_numbers(tmp_path):
    bad = W.copy()
    bad[0, 0, 0, 0] = np.nan
    path = tmp_path / "net.onnx"
    path.write_bytes(one("Conv", X, bad).SerializeToString())
    with pytest.raises(InterchangeError, match="net.onnx: 1 of the 54 numbers in c0 are NaN"):
        interchange.load(path)


def test_bits_that_are_turned_round(tmp_path):
    """In any place: it is computed, or refused in one sentence."""
    nodes = [
        node("Conv", "x c", "a", pads=[1, 1, 1, 1]),
        node("Relu", "a", "b"),
        node("Reshape", "b shape", "c2"),
        node("Gemm", "c2 m", "y"),
    ]
    constants = {"c": W, "shape": np.array([0, -1]), "m": np.ones((40, 3), np.float32)}
    data = model(nodes, {"x": ["N", 3, 5, 4]}, constants).SerializeToString()
    random, refusals = np.random.default_rng(0), 0
    for _ in range(150):
        changed_data = bytearray(data)
        for place in random.integers(0, len(data), random.integers(1, 4)):
            changed_data[place] ^= 1 << int(random.integers(8))
        (tmp_path / "net.onnx").write_bytes(changed_data)
        try:
            with np.errstate(all="ignore"):
                interchange.load(tmp_path / "net.onnx").predict(X)
        except ValueError as error:
            refusals += 1
            assert str(error).startswith(str(tmp_path)) and "\n" not in str(error)
    assert 20 < refusals < 150


def test_without_onnx(monkeypatch, tmp_path):
    monkeypatch.setitem(__import__("sys").modules, "onnx", None)
    (tmp_path / "net.onnx").write_bytes(GOOD.SerializeToString())
    with pytest.raises(InterchangeError, match="package onnx, which is not installed: pip"):
        interchange.load(tmp_path / "net.onnx")
    with pytest.raises(InterchangeError, match="need the package onnx"):
        interchange.export("patch", tmp_path / "patch.onnx")
