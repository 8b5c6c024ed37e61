"""Looking into a trained network: what it is, how it was trained, what it has learnt.

    showing.show("runs/multi-scale-1")                        all of it
    showing.show("multi-scale", features="photo.jpg")         feature maps of one picture

The figures themselves are in minicnn/figures.
"""

from pathlib import Path

from minicnn import datasets, figures
from minicnn.basics.printing import print_lines
from minicnn.basics.writing import save_png
from minicnn.images.reading import read_image
from minicnn.images.resizing import fit_long_side, resize
from minicnn.learning.checkpoints import CheckpointError, find, load_model
from minicnn.learning.log import read_log
from minicnn.models import MODELS
from minicnn.nn import receptive_fields as layer_table


def show(model, filters=False, features=None, curve=False, out=None, layers=False):
    """Draws what is asked for, or, if nothing is, says in words what the network is and draws
    everything that can be drawn. Returns the paths of the PNG files.

    model     a run folder, a .safetensors file or the name of a shipped network
    filters   the learnt filters, as filters.png
    features  path of a picture: its maps by stage and scale, as features.png, and what they have in
              common with those of the picture at half its size, as scale.png
    curve     loss and accuracy over the training, as curves.png
    layers    prints shapes and receptive fields, layer by layer, and draws nothing; `model` may be
              the name of an untrained network too
    out       folder for the files; by default the run folder, or NAME-figures beside you

    Raises CheckpointError, ImageError or ValueError with one sentence.
    """
    if layers:
        print_lines(layer_lines(model))
        return []
    try:
        network, config = load_model(model)
    except CheckpointError as error:
        if model not in MODELS:
            raise
        hint = f"; what it is when untrained: minicnn show {model} --layers"
        raise CheckpointError(f"{error}{hint}") from None
    records = _records(model)
    everything = not (filters or features or curve)
    drawn = {}
    if everything:
        print_lines(summary(network, config, records))
        print_lines(f"{'layers':11} minicnn show {model} --layers")
    by_hand = hasattr(network, "named_channels")
    if filters and by_hand:
        raise ValueError(f"{model}: its filters are not learnt; --features draws what they answer")
    seen = getattr(network, "shown", network)  # of several alike, the one that is drawn
    if filters or (everything and not by_hand):
        drawn["filters.png"] = figures.filters(seen)
    if features or everything:
        image = read_image(features) if features else _example(config)
        if image is not None:
            size = fit_long_side(*image.shape[:2], config.long_side or max(image.shape[:2]))
            drawn["features.png"] = _features(seen, resize(image, size))
            if network.options.get("scales", 1) > 1:
                drawn["scale.png"] = figures.scale_sheet(network, resize(image, size))
    if curve and not records:
        raise ValueError(f"{model}: there is no log of a training here, so no curve can be drawn")
    if records and (curve or everything):
        drawn["curves.png"] = figures.curves(records, config.model, network.task)
    return _save(drawn, _folder(model, out))


def _features(network, image):
    if hasattr(network, "named_channels"):
        return figures.channels_figure(*network.named_channels(image))
    return figures.feature_maps(network, image)


def layer_lines(model):
    """Shapes and receptive fields of a trained network, or of an untrained one by its name."""
    size = (240, 320)
    if model in MODELS:
        cls, recipes = MODELS[model]
        options = {k: v for k, v in recipes["ours"].items() if k in cls.DEFAULTS}
        network = cls(classes=8, **options)
    else:
        network, config = load_model(model)
        side = config.long_side or 320
        size = (3 * side // 4, side)
    if hasattr(network, "named_channels"):
        raise ValueError(
            f"{model} has no layers: 33 channels, 761 features of a pixel, trees, a regression; "
            "see minicnn/models/shallow.py"
        )
    rows, what = layer_table.layers(network, size), "picture"
    if network.task in ("pictures", "regions"):
        what, size = "crop", (network.options["size"],) * 2
    return [f"for a {what} of {size[0]}x{size[1]} pixels", "", *layer_table.lines(rows)]


def summary(network, config, records=()):
    """What there is to say of a trained network, as lines of text."""
    data = config.data
    settings = [f"{k}={v}" for k, v in data.options.items()]
    fold = [] if data.fold is None else [f"fold {data.fold} for the test"]
    best, total = config.best, config.total_steps
    count = sum(p.data.size for p in network.parameters())
    lines = [
        ("model", f"{config.model}, recipe {config.recipe or 'unknown'}"),
        ("options", _pairs(config.options)),
        ("training", _pairs(vars(config.training) if config.training else {})),
        ("data", ", ".join([str(data.name or "unknown"), *settings, *fold])),
        ("classes", f"{len(config.classes)}: {', '.join(config.classes)}"),
        ("parameters", f"{count:,}"),
        ("steps", f"weights of step {config.step}" + (f" of {total}" if total else "")),
        ("seed", "unknown" if config.seed is None else str(config.seed)),
    ]
    if best:
        what = f"{'picture' if network.learnt_by == 'bags' else network.task[:-1]} accuracy"
        what = "F" if network.task == "boundaries" else what
        lines.append(("validation", f"{what} {best.val_accuracy:.1%} at step {best.step}"))
    trained = [r for r in records if "loss" in r]
    if trained:
        last = trained[-1]
        lines.append(
            ("at the end", f"training loss {last['loss']:.3f}, accuracy {last['accuracy']:.1%}")
        )
    return [f"{name:11} {text}" for name, text in lines]


def _pairs(options):
    return ", ".join(f"{name}={value}" for name, value in options.items()) or "unknown"


def _records(model):
    """The log that lies beside the weights; [] if there is none."""
    log = find(model).with_name("log.jsonl")
    return read_log(log) if log.exists() else []


def _example(config):
    """A picture of the data that the network was trained on; None if it is not on this machine."""
    data = config.data
    if data.name is None:
        return None
    try:
        dataset = datasets.load(data.name, fold=data.fold, **data.options)
        pictures = next(filter(len, map(dataset.split, ("test", "val", "train"))))
        return pictures[0].image
    except (StopIteration, datasets.DataError):
        return None


def _folder(model, out):
    if out is not None:
        return Path(out)
    return Path(model) if Path(model).is_dir() else Path(f"{Path(model).stem}-figures")


def _save(drawn, folder):
    folder.mkdir(parents=True, exist_ok=True)
    for name, figure in drawn.items():
        save_png(figure, folder / name)
    return [folder / name for name in drawn]
