"""Checkpoints that are damaged, or made by hand: one sentence, which names the file."""

import json
import tracemalloc

import numpy as np
import pytest
from safetensors.numpy import save
from support.small_runs import SCENES, SETTINGS

import minicnn
from minicnn.cli.showing import show
from minicnn.learning import checkpoints
from minicnn.learning.checkpoints import BEST, LAST, CheckpointError
from minicnn.learning.config import Config
from minicnn.learning.covers import load_cover
from minicnn.learning.old_formats import FORMAT

TABLES = {"width": 0.1, "hidden": 40, "balance": 0.5, "normalise": "local", "tables": "random"}
WRONG = [
    None,
    True,
    -1,
    0.5,
    10**400,
    float("nan"),
    float("inf"),
    "x\x1b[31m",
    [],
    {},
    [None],
    {"x": 1},
]
MISSING = object()
# Where a value may be missing: what a list holds, and options that the data set looks at.
FREE = [("data", "options"), ("start", "taken"), ("start", "new"), ("data", "options", "size")]
FREE += [("tables", "stages.stages.0"), ("tables", "stages.stages.1"), ("tables",)]
FREE += [("tables", "stages.stages.2")]


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """A run in whose config every key has a value."""
    folder = tmp_path_factory.mktemp("checkpoints")
    options = {"data_options": SCENES, "quiet": True, "steps": 2}
    first = minicnn.train("multi-scale", settings=SETTINGS, **options)
    return minicnn.train("multi-scale", settings=TABLES, start=first, out=folder / "run", **options)


@pytest.fixture(scope="module")
def last(run):
    arrays, header = checkpoints.load(run.folder / LAST)
    header |= {"pace": [[0, 1], [1, 2]], "val_pictures": 1}  # as of a training in minutes
    return arrays, json.dumps(header)


def write(path, arrays, header):
    """A checkpoint without a checksum: what is wrong in it was wrong when it was written."""
    text = header if isinstance(header, str) else json.dumps(header)
    path.write_bytes(save(arrays, metadata={"minicnn": text}))
    return path


def places(value, above=()):
    """Paths of all values in JSON, of a long list the first alone."""
    if above:
        yield above
    inside = value.items() if isinstance(value, dict) else ()
    for key, inner in enumerate(value[:1]) if isinstance(value, list) else inside:
        yield from places(inner, (*above, key))


def with_value(text, place, value):
    """A header whose value at a place is another one, or missing; an unknown key is "x" there."""
    header = json.loads(text)
    inside = header
    for key in place[:-1]:
        inside = inside[key]
    if value is MISSING:
        del inside[place[-1]]
    else:
        inside[place[-1]] = value
    return header


def refused(call, *arguments):
    with pytest.raises(CheckpointError) as caught:
        call(*arguments)
    text = str(caught.value)
    assert "\n" not in text and "\x1b" not in text and len(text) < 400, text
    return text


def uses(folder, tmp_path):
    """Everything that reads a checkpoint."""
    picture = np.zeros((32, 48, 3), np.uint8)
    options = {"data_options": SCENES, "settings": SETTINGS, "steps": 1, "quiet": True}
    yield lambda: minicnn.evaluate(folder)
    yield lambda: minicnn.segment(picture, folder)
    yield lambda: minicnn.resume(folder, quiet=True)
    yield lambda: show(folder, filters=True, out=tmp_path / "figures")
    yield lambda: minicnn.train("multi-scale", start=folder, **options)
    yield lambda: checkpoints.export(folder, tmp_path / "exported.safetensors")


# --------------------------------------------------------------------------------- the description
def test_every_wrong_value_at_every_place_is_found(last):
    arrays, text = last
    found = 0
    for place in places(json.loads(text)):
        for value in [*WRONG, MISSING]:
            header = with_value(text, place, value)
            try:
                config = Config.from_json(header, "mine.safetensors")
            except CheckpointError as error:
                assert str(error).startswith("mine.safetensors: "), error
                assert "\x1b" not in str(error) and len(str(error)) < 300
                found += 1
            else:  # a value that may be so: it is taken as it is, and nothing beside it changes
                assert value is not MISSING or place == ("format",) or place[:-1] in FREE, place
                assert config.to_json() == header | {"format": FORMAT}
    assert found > 700


def test_all_that_reads_checkpoints_says_so(run, last, tmp_path):
    arrays, text = last
    folder = tmp_path / "run"
    folder.mkdir()
    (folder / "log.jsonl").write_bytes((run.folder / "log.jsonl").read_bytes())
    for header, words in [
        ("null", "it is null, expected an object"),
        ("[]", "expected an object"),
        ("3", "it is 3, expected an object"),
        ('"text"', 'it is "text", expected an object'),
        ("{}", "model is missing"),
        ("{", "it is no JSON"),
        ("[" * 100_000, "it is no JSON"),
        ("1" * 5000, "it is no JSON"),
        (with_value(text, ("model",), "resnet"), "there is no model 'resnet'"),
        (with_value(text, ("classes",), MISSING), "classes is missing"),
        (with_value(text, ("classes",), ["sky"] * 8), "classes holds a name twice"),
        (with_value(text, ("step",), "two"), 'step is "two", expected a whole number'),
        (with_value(text, ("step",), 3), "step is 3, expected 0 to 2"),
        (with_value(text, ("options", "window"), 15.5), "options.window is 15.5, expected a whole"),
        (with_value(text, ("options", "wimdow"), 15), "options.wimdow is a key that is not known"),
        (with_value(text, ("options", "width"), 99), "options.width is 99.0, expected 0.01 to 16"),
        (with_value(text, ("options", "tables"), "some"), "expected full or random"),
        (with_value(text, ("options", "normalise"), "both"), "tables=random knows 3"),
        (with_value(text, ("training", "schedule"), "never"), "training.schedule is"),
        (with_value(text, ("best", "val_accuracy"), 1.5), "best.val_accuracy is 1.5, expected 0"),
        (with_value(text, ("colours",), [[0, 0, 0]]), "colours holds 1 values, expected 8"),
        (with_value(text, ("tables", "x"), [[0, 0]]), "the connection table of x does not fit"),
        (with_value(text, ("tables", "stages.stages.1", 0), [99, 0]), "maps that do not exist"),
        (with_value(text, ("format",), FORMAT + 1), "a newer minicnn wrote it"),
    ]:
        for name in (BEST, LAST):
            write(folder / name, arrays, header)
        for use in uses(folder, tmp_path):
            assert words in refused(use), header
    assert not (tmp_path / "exported.safetensors").exists()


def test_a_bit_that_flips_is_noticed(run, tmp_path):
    """Anywhere in the header: the names, shapes and types of arrays, and the description."""
    whole = (run.folder / BEST).read_bytes()
    random, path = np.random.default_rng(0), tmp_path / "flipped.safetensors"
    length = 8 + int.from_bytes(whole[:8], "little")
    for place in random.integers(0, length, 300):
        flipped = bytearray(whole)
        flipped[place] ^= 1 << random.integers(8)
        path.write_bytes(flipped)
        refused(checkpoints.load_model, path)


def test_older_files_have_what_came_later_by_default(last, tmp_path):
    """Files without a format, of format 1 and of 3: what they lack is as it was then."""
    arrays, text = last
    weights = {k: a for k, a in arrays.items() if "/" not in k}
    expected, header = json.loads(text), json.loads(text)
    del header["training"]["head_lr"]
    header["format"] = 3
    _, config = checkpoints.load_model(write(tmp_path / "three.safetensors", weights, header))
    assert config.to_json() == expected and config.training.head_lr == 1
    del header["pace"], header["val_pictures"]
    del header["training"]["batch"], header["data"]["digest"]
    expected |= {"pace": None, "val_pictures": None}
    expected["training"]["batch"], expected["data"]["digest"] = 32, None
    header["format"] = 1
    _, config = checkpoints.load_model(write(tmp_path / "one.safetensors", weights, header))
    assert config.to_json() == expected
    with pytest.raises(CheckpointError, match="training.batch is missing"):
        Config.from_json(header | {"format": FORMAT}, "mine.safetensors")

    del header["format"], header["threads"], header["training"]["clip"], header["options"]["floor"]
    _, config = checkpoints.load_model(write(tmp_path / "none.safetensors", weights, header))
    assert config.to_json() == expected | {"threads": None}


def test_a_run_of_format_1_is_resumed_to_the_same_bits(tmp_path):
    options = {
        "data_options": SCENES,
        "settings": SETTINGS | {"schedule": "constant"},
        "quiet": True,
    }
    minicnn.train("single-scale", steps=4, out=tmp_path / "whole", **options)
    whole = tmp_path / "whole" / LAST
    folder = tmp_path / "run"
    minicnn.train("single-scale", steps=2, out=folder, **options)
    arrays, header = checkpoints.load(folder / LAST)
    for name in ("pace", "val_pictures", "colour_axes", "stalls"):
        del header[name]
    del header["training"]["batch"], header["data"]["digest"], header["training"]["colour_noise"]
    header["total_steps"] = 4
    write(folder / LAST, arrays, header | {"format": 1})
    minicnn.resume(folder, quiet=True)
    arrays, header = checkpoints.load(folder / LAST)
    assert header["step"] == 4 and header["format"] == FORMAT
    for name, array in checkpoints.load(whole)[0].items():
        assert np.array_equal(array, arrays[name]), name


def test_the_keys_of_this_format():
    """A new key or option makes a new format: raise FORMAT in config.py, and write it down here.
    (Not those of a new model: no older file has it.)"""
    from minicnn.learning.config import TRAINING_DEFAULTS
    from minicnn.models import MODELS

    options = sorted({name for cls, _ in MODELS.values() for name in cls.DEFAULTS})
    header = Config("patch", ["sky"], {}, 0).to_json()
    assert (header["format"], sorted(header), sorted(TRAINING_DEFAULTS), options) == (
        7,
        "best class_shares classes colour_axes colours data format long_side model options "
        "overfit_one pace processes recipe seed skip_bad stalls start step tables threads "
        "total_steps training val_pictures".split(),
        "balance batch checkpoint_seconds checkpoint_steps clip colour_noise flip freeze head_lr "
        "light lr momentum patches rescale rotate schedule validations warm_up "
        "weight_decay".split(),
        "aggregation answer blocks cells classifier colours columns components crop crops "
        "depth dropout edges every features feedback filter filters fine floor folds gamma "
        "global head hidden initial instances iterations last_linear layers levels maps mean "
        "mix net nonlinearity norm norm_bias normalise objective order output overlap "
        "pairs_until passes pool pyramid quiet r refine regions rounds samples scales shrink "
        "side size spread supervision tables test_regions width window".split(),
    )


MODEL_OF = {"photo": "multi-scale"}  # where a name does not say it


def test_the_shipped_networks_are_of_a_format_that_is_read():
    for name in checkpoints.shipped_names():
        network, config = checkpoints.load_model(name)
        assert config.model == MODEL_OF.get(name, name.split("-")[0]) or "-" in name
        assert checkpoints.load(checkpoints.find(name))[1].get("format", 0) <= FORMAT
        assert all(np.isfinite(a).all() for a in network.state_dict().values())


# -------------------------------------------------------------------------------------- the arrays
def changed(arrays, name, array):
    arrays = {k: a for k, a in arrays.items() if k != name}
    return arrays if array is None else arrays | {name: array}


BIAS = "classifier.bias"


@pytest.mark.parametrize(
    ("array", "words"),
    [
        (np.zeros(8, np.complex64), f"{BIAS} is of the type C64; weights are of F16, F32, F64"),
        (np.zeros(8, np.int32), f"{BIAS} is of the type I32"),
        (np.zeros(8, bool), f"{BIAS} is of the type BOOL"),
        (np.zeros(1, np.float32), f"{BIAS} is (1,) in the file, (8,) in the network"),
        (np.full(8, np.nan, np.float32), f"8 of the 8 numbers in {BIAS} are NaN or infinite"),
        (np.array([np.inf, *np.zeros(7)], np.float32), f"1 of the 8 numbers in {BIAS}"),
        (np.full(8, 1e300), f"8 of the 8 numbers in {BIAS} are NaN or infinite"),
        (None, f"missing ['{BIAS}']"),
    ],
)
def test_weights_that_are_none(array, words, last, tmp_path):
    arrays, text = last
    (tmp_path / "run").mkdir()
    for name in (BEST, LAST):
        write(tmp_path / "run" / name, changed(arrays, BIAS, array), text)
    for use in uses(tmp_path / "run", tmp_path):
        assert words in refused(use)


@pytest.mark.parametrize("dtype", ["BF16", "F8_E4M3", "F8_E5M2", "F4", "I64", "nothing"])
def test_types_that_numpy_does_not_know(dtype, last, tmp_path):
    arrays, text = last
    path = write(tmp_path / "a.safetensors", {"x": np.zeros(4, np.float16)}, text)
    raw = path.read_bytes().replace(b'"F16"', f'"{dtype}"'.encode())
    length = int.from_bytes(raw[:8], "little") + len(dtype) - 3
    path.write_bytes(length.to_bytes(8, "little") + raw[8:])
    assert "a.safetensors: " in refused(checkpoints.load_model, path)


@pytest.mark.parametrize(
    ("array", "words"),
    [
        (None, f"velocity/{BIAS} is missing"),
        (np.zeros(1, np.float32), f"velocity/{BIAS} is (1,) in the file, and its parameter (8,)"),
        (np.float32(0), f"velocity/{BIAS} is () in the file"),
        (np.full(8, np.inf, np.float32), f"8 of the 8 numbers in velocity/{BIAS} are NaN"),
    ],
)
def test_velocities_from_which_nothing_goes_on(array, words, last, tmp_path):
    arrays, text = last
    array = None if array is None else np.asarray(array)
    write(tmp_path / LAST, changed(arrays, f"velocity/{BIAS}", array), text)
    assert words in refused(minicnn.resume, tmp_path)
    write(tmp_path / LAST, arrays | {"velocity/x": np.zeros(1, np.float32)}, text)
    assert "velocity/x belongs to nothing" in refused(minicnn.resume, tmp_path)
    write(tmp_path / LAST, arrays, with_value(text, ("training", "freeze"), "roof"))
    assert "freeze 'roof': there is no such module" in refused(minicnn.resume, tmp_path)


def test_shapes_are_compared_before_memory_is_taken(last, tmp_path):
    """A small file that declares a network of 2.6 GB."""
    arrays, text = last
    header = json.loads(text)
    header["options"] |= {"width": 8.0, "hidden": 8000, "tables": "full"}
    header["tables"] = {}
    path = write(tmp_path / "huge.safetensors", {BIAS: arrays[BIAS]}, header)
    tracemalloc.start()
    refused(checkpoints.load_model, path)
    header["options"]["tables"] = "random"
    refused(checkpoints.load_model, write(path, {BIAS: arrays[BIAS]}, header))
    assert tracemalloc.get_traced_memory()[1] < 100e6
    tracemalloc.stop()


def test_a_file_of_weights_alone_is_not_resumed(last, tmp_path):
    arrays, text = last
    for place in (("training",), ("total_steps",), ("data", "name")):
        write(tmp_path / LAST, arrays, with_value(text, place, None))
        assert "not how they were trained" in refused(minicnn.resume, tmp_path)


def test_numbers_too_large_for_float16_are_not_exported(last, tmp_path):
    arrays, text = last
    weights = {k: a for k, a in arrays.items() if "/" not in k}
    path = write(tmp_path / "a.safetensors", weights | {BIAS: np.full(8, 1e6, np.float32)}, text)
    assert "above 65504" in refused(checkpoints.export, path, tmp_path / "b.safetensors")
    assert not (tmp_path / "b.safetensors").exists()


# -------------------------------------------------------------------------------------- the covers
def test_every_wrong_value_in_a_cover_is_found(run, tmp_path):
    minicnn.train_cover(run, epochs=1, settings={"units": 4, "segments": 5})
    arrays, header = checkpoints.load(run.folder / "cover.safetensors")
    text, path = json.dumps(header), tmp_path / "cover.safetensors"
    assert load_cover(write(path, arrays, text), run.network).about == {
        k: v for k, v in header.items() if k != "format"
    }
    for place in places(header):
        if place[0] in ("format", "network", "options", "losses", "seed", "classes"):
            continue
        for value in [*WRONG, MISSING]:
            try:
                load_cover(write(path, arrays, with_value(text, place, value)), run.network)
            except CheckpointError:
                continue
            assert value in (0.5, True) or place[-1] in ("epochs", "segments"), (place, value)
    for header in ("null", "[]", "{}"):
        assert "not a classifier" in refused(load_cover, write(path, arrays, header), run.network)
    bad = {k: np.full_like(a, np.nan) for k, a in arrays.items()}
    assert "are NaN or infinite" in refused(load_cover, write(path, bad, text), run.network)
    bad = {k: a[:1] for k, a in arrays.items()}
    assert "do not fit" in refused(load_cover, write(path, bad, text), run.network)
