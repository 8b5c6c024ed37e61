"""An ONNX file as a checkpoint of ours: public weights, in a network that is known here by name.

    minicnn export bvlc_alexnet.onnx alexnet.safetensors \\
        --set model=alexnet colours=bgr mean=ilsvrc_2012_mean.npy classes=synset_words.txt

From then on it is a network like any other: `segment`, `evaluate`, `info`, `train --start`.
"""

from typing import NamedTuple

from minicnn import models, nn
from minicnn.basics.plain import read_text
from minicnn.interchange import foreign, importing
from minicnn.interchange.errors import InterchangeError
from minicnn.learning import checkpoints
from minicnn.learning.checkpoints import initialise_from
from minicnn.learning.config import Config, Start
from minicnn.learning.mean_files import of_file


class Carried(NamedTuple):
    """A network and its Config, as `checkpoints.export` takes them."""

    network: nn.Module
    config: Config


def convert(path, settings=None):
    """The Carried of an ONNX file.

    settings  of a file that is not ours: `model`, the name of the network; options of that;
              `classes`, a text file with a name in each line (else they are numbered). Options
              that the graph tells, as the numbers of the normalisation, need not be given

    Raises InterchangeError, or ValueError for a setting that cannot be, in one sentence.
    """
    settings = dict(settings or {})
    begun = foreign.read(path)
    if begun.config is not None:
        if settings:
            raise InterchangeError(f"{path}: minicnn wrote it, options and all: leave --set away")
        network = checkpoints.build(begun.config)
        initialise_from(begun.arrays, begun.config.tables, network, path)
        return Carried(network.eval(), begun.config)
    if "model" not in settings:
        raise InterchangeError(
            f"{path}: which of our networks is it? add --set model=alexnet, or another of "
            f"{', '.join(models.MODELS)}"
        )
    cls, _ = models.find(model := settings.pop("model"))
    names = settings.pop("classes", "")
    told = {key: value for key, value in begun.options.items() if key in cls.DEFAULTS}
    options = cls.merged(told | settings)
    layers = foreign.layers_of(importing.load(path))
    if not layers:
        raise InterchangeError(f"{path}: no layer in it has weights")
    config = Config(model, _classes(names, len(layers[-1][0]), path), options, 0)
    config = Config.from_json(config.to_json(), path)  # looks at all of it
    network = checkpoints.build(config)
    start = initialise_from(begun.arrays(network), {}, network, path)
    if start.new:
        first = start.new[0]
        raise InterchangeError(
            f"{path}: its layer for {first} has another shape than {network.state()[first].shape}; "
            "other options may fit (width, size, columns)"
        )
    if options.get("mean"):
        network.mean.data = of_file(options["mean"], network)
    config.start = Start(str(path), start.taken, [])
    return Carried(network.eval(), config)


def _classes(file, count, path):
    """Names of classes from a text file, a line each, or numbers."""
    if not file:
        return [f"class {k}" for k in range(count)]
    lines = read_text(file, InterchangeError).splitlines()
    names = [line.strip() for line in lines if line.strip()]
    if len(names) != count or len(set(names)) != count:
        raise InterchangeError(
            f"classes={file}: {len(names)} lines, {len(set(names))} different ones, and {path} "
            f"names {count} classes"
        )
    return names
