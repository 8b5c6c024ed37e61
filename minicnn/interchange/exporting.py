"""A trained network as an ONNX file: what is trained here runs elsewhere.

    from minicnn import interchange
    interchange.export("runs/first", "first.onnx")

The graph takes pictures as they come, grey levels, and prepares them itself; what it cannot do,
such as bringing a picture to another size, the metadata of the file say in words and in Python
(describing.py). Before a file is written, it is read back (importing.py) and asked of pictures of
other sizes than that by which it was made: what differs from the network is not written.
"""

import numpy as np

from minicnn.basics.writing import write_atomically
from minicnn.interchange import importing
from minicnn.interchange.describing import metadata
from minicnn.interchange.errors import InterchangeError
from minicnn.interchange.networks import form_of
from minicnn.interchange.operations import WRITERS
from minicnn.interchange.packages import onnx
from minicnn.interchange.tracing import Graph
from minicnn.learning import checkpoints
from minicnn.nn import init

OPSET, IR_VERSION = 17, 8  # of 2022: what reads ONNX at all reads these
TOLERANCE = 1e-4  # of scores, which are some units large
LARGEST = 2**31 - 2**20  # bytes: protobuf's limit, and room for the nodes


def export(model, path, pixels=False):
    """Writes a trained network as an ONNX file; a file of this name is replaced.

    model   a Run, a run folder (its best weights), a .safetensors file or the name of a shipped
            network
    path    the file to write
    pixels  of a network for whole pictures (alexnet): the graph that names the pixels of a picture
            of any size, not the one that names a crop

    The input is called `image`, the output `scores`; weights have the names of the checkpoint.
    Raises InterchangeError if there is no such graph, CheckpointError if `model` cannot be read,
    OSError if `path` cannot be written.
    """
    onnx()  # before anything takes time
    arrays, config, source = checkpoints.passed_on(model)
    with init.shapes_only():
        network = checkpoints.build(config)
    network.load_state_dict(arrays)
    try:
        form = form_of(config.model, network.eval(), pixels)
        file = _file(config, network, form, path)
    except (NotImplementedError, ValueError) as error:
        raise InterchangeError(f"{source}: {error}") from None
    write_atomically(path, file)


def _file(config, network, form, path):
    """The bytes of the file, checked."""
    graph, size, *others = Graph(network, WRITERS), *form.sizes(network)
    picture = _pictures(size, 1)
    y = graph.trace(lambda g, x: form.ask(g, network, x), _planes(picture), "image")
    graph.prune([y.value])
    operator, inputs, _, attributes = graph.nodes[-1]
    graph.nodes[-1] = operator, inputs, ["scores"], attributes
    if (total := sum(a.nbytes for a in graph.constants.values())) > LARGEST:
        raise ValueError(
            f"weights of {total / 1e9:.1f} GB: an ONNX file of one piece holds at most 2 GB"
        )
    file = _model(graph, config, network, form).SerializeToString()
    back = importing.loaded(file, str(path))
    for size in others:
        picture = _pictures(size, 2)[:1]
        want = form.answer(config.model, network, picture[0])
        got = back.predict(_planes(picture))
        error = np.abs(got - want).max() if got.shape == want.shape else np.inf
        if not error <= TOLERANCE * max(1, np.abs(want).max()):
            raise ValueError(
                f"the graph of {config.model} says something else of a picture of {size[0]}x"
                f"{size[1]} pixels than the network (by {error:.1e}), so it is not written; a "
                "decision of its forward may hang on the size of the picture"
            )
    return file


def _pictures(size, seed):
    return np.random.default_rng(seed).integers(0, 256, (1, *size, 3), np.uint8)


def _planes(pictures):
    return np.moveaxis(pictures, 3, 1).astype(np.float32, order="C")


def _model(graph, config, network, form):
    """The ModelProto."""
    from importlib.metadata import version

    module = onnx()
    helper = module.helper
    side = network.options["size"] if form.crop else None
    place = [side, side] if form.crop else ["height", "width"]
    one = module.TensorProto.FLOAT
    image = helper.make_tensor_value_info("image", one, ["N", 3, *place])
    at = [] if form.crop else place
    scores = helper.make_tensor_value_info("scores", one, ["N", network.classes, *at])
    nodes = [helper.make_node(o, i, y, name=y[0], **a) for o, i, y, a in graph.nodes]
    weights = [module.numpy_helper.from_array(a, name) for name, a in graph.constants.items()]
    model = helper.make_model(
        helper.make_graph(nodes, config.model, [image], [scores], weights),
        opset_imports=[helper.make_opsetid("", OPSET)],
        ir_version=IR_VERSION,
        producer_name="minicnn",
        producer_version=version("minicnn"),
    )
    helper.set_model_props(model, metadata(config, network, form))
    module.checker.check_model(model)
    return model
