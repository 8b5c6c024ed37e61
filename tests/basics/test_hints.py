"""Names that nobody knows suggest the nearest; the help lists what there is."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

import minicnn
from minicnn import models
from minicnn.basics.nearest import did_you_mean
from minicnn.cli import COMMANDS, main
from minicnn.labelling.methods import LABELLINGS
from minicnn.learning import cover_training, proposal_training
from minicnn.learning.config import TRAINING_DEFAULTS
from minicnn.nn import Conv2d, Sequential

ROOT = Path(minicnn.__file__).parent.parent
SCENES = ["--set", "data.train=2", "data.val=1"]
TYPED = [
    ("trian", "train"),
    ("--verson", "--version"),
    ("data instal x", "install"),
    ("exercise chek", "check"),
    ("exercise check --compil", "--compile"),
    ("train multi-scale --epoch 3", "--epochs"),
    ("train multi-scale --epoch=3", "--epochs"),
    ("segment a.png --modle x", "--model"),
    ("resume x --skip_bad", "--skip-bad"),
    ("train multi-scale --recipe our", "ours"),
    ("train multi-scale --device emulate", "emulated"),
    ("train mutli-scale", "multi-scale"),
    ("train Multi_Scale", "multi-scale"),
    ("train multi-scale --data scene", "scenes"),
    ("train multi-scale --data stanford_background", "stanford-background"),
    ("data install stanford", "stanford-background"),
    ("train multi-scale --set widht=1", "width"),
    ("train multi-scale --set data.sise=1", "size"),
    ("train multi-scale --steps 1 --set schedule=cosin data.train=1 data.val=1", "cosine"),
    ("train patch --set freeze=block.0 data.train=1 data.val=1", "blocks.0"),
    ("evaluate multiscale", "multi-scale"),
    ("show recurent", "recurrent"),
    ("evaluate multi-scale --set labeling=crf", "labelling"),
    ("evaluate multi-scale --set labelling=superpixel", "superpixels"),
    ("evaluate multi-scale --set labelling=crf gama=1", "gamma"),
    ("segment a.png --set ouput=1", "output"),
    ("gradcheck conf2d", "conv2d"),
    ("bench conf2d", "conv2d"),
    ("table standford", "stanford"),
]


@pytest.mark.parametrize("typed, meant", TYPED)
def test_the_nearest_is_suggested(typed, meant, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MINICNN_DATA", str(tmp_path / "data"))
    assert main(typed.split()) == 2
    lines = capsys.readouterr().err.splitlines()
    # where no kernel was compiled before, making the scenes says so first
    error = [line for line in lines if "compiling kernels, once" not in line]
    assert len(error) == 1 and f"; did you mean {meant}?" in error[0]


def test_what_is_near_nothing_gets_no_guess(capsys):
    assert did_you_mean("zebra", ["train", "data"]) == "" == did_you_mean("x", [])
    for typed in ("zebra", "train multi-scale --zebra", "train zebra"):
        assert main(typed.split()) == 2
        assert "did you mean" not in capsys.readouterr().err


def test_from_python_too():
    with pytest.raises(ValueError, match="recipe 'faithfull'.*; did you mean faithful"):
        minicnn.train("patch", "scenes", recipe="faithfull")
    network = Sequential(Conv2d(1, 1, 1))
    network.first = Conv2d(1, 1, 1)
    with pytest.raises(KeyError, match="no module 'fist'; .*did you mean first"):
        with network.watch(["fist"]):
            pass
    with pytest.raises(ValueError, match="did you mean first"):
        network.freeze("fist")


def helped(command, capsys):
    with pytest.raises(SystemExit):
        main([*command.split(), "--help"])
    return capsys.readouterr().out


def keys_in(text):
    return set(re.findall(r"([\w.]+)=", text[text.index("keys of --set") :]))


def test_the_keys_of_set_are_in_the_help(capsys):
    of_networks = {key for cls, _ in models.MODELS.values() for key in cls.DEFAULTS}
    of_data = {f"data.{key}" for key in ("size", "seed", "train", "val", "test")}
    of_labels = {key for options in LABELLINGS.values() for key in options} | {"labelling"}
    train = keys_in(helped("train", capsys))
    known = of_networks | set(TRAINING_DEFAULTS) | of_data
    of_data |= {"data.classes", "data.mapping", "data.often"}  # of folders, and of several sets
    known |= of_data
    known |= set(cover_training.DEFAULTS) | set(LABELLINGS["superpixels"])
    assert train == known | set(proposal_training.DEFAULTS)
    assert keys_in(helped("segment", capsys)) == of_labels | models.CHANGEABLE
    assert keys_in(helped("evaluate", capsys)) == of_labels | models.CHANGEABLE | of_data
    assert keys_in(helped("data check", capsys)) == of_data


def test_the_defaults_in_the_help_are_those_that_hold(capsys):
    rows = helped("train", capsys)
    patch = rows[rows.index("  patch ") : rows.index("  single-scale ")]
    for key, value in models.recipe("patch", "ours").items():
        default = TRAINING_DEFAULTS.get(key)
        if value != default:
            assert f"{key}={value}" in patch
    assert "schedule=polynomial|cosine|steps|constant" in rows and "data.size=240x320" in rows
    assert "normalise=both|picture|local" in patch  # the default first


def test_every_line_of_the_help_fits(capsys):
    for command in COMMANDS:
        text = helped(command.__name__.rpartition(".")[2], capsys)
        assert max(map(len, text.splitlines())) <= 100


def test_help_of_train_lists_every_model_and_setting():
    about = minicnn.train.__doc__
    for name, (cls, _) in models.MODELS.items():
        assert f"'{name}'" in about
        assert not [key for key in cls.DEFAULTS if not re.search(rf"\b{key}\b", about)]
    assert not [k for k in TRAINING_DEFAULTS if not re.search(rf"\b{k}\b", about)]


def test_python_m_minicnn():
    command = [sys.executable, "-m", "minicnn", "--version"]
    said = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    assert said == f"minicnn {minicnn.__version__}\n"


# The name `minicnn` on the package index is somebody else's.
INDEX = re.compile(r"pip3? install[^\n`]*?[ '\"]minicnn(?! @ git\+)(?!\[\w+\] @ git\+)[\s'\"\[]")


@pytest.mark.parametrize(
    "hint, wrong",
    [
        ("pip install 'minicnn[gpu]' for", True),
        ("pip install -q minicnn ", True),
        ('pip install "minicnn @ git+https://ADDRESS"', False),
        ('pip install "minicnn[gpu] @ git+https://ADDRESS"', False),
        ('pip install -e ".[gpu]"', False),
    ],
)
def test_hints_that_lead_to_the_index_are_found(hint, wrong):
    assert bool(INDEX.search(hint)) == wrong


def test_no_hint_sends_anybody_to_the_index():
    folders = ("minicnn", "lectures", "examples", "tests", ".ci")
    files = [p for f in folders for p in (ROOT / f).rglob("*") if p.suffix in (".py", ".md", "")]
    files += [
        ROOT / name
        for name in ("README.md", "setup.cfg", "pytest_minicnn.py", "minicnn_command.py")
    ]
    found = [
        f"{path}: {hit[0]}"
        for path in files
        if path.is_file() and path != Path(__file__)
        for hit in INDEX.finditer(path.read_text())
    ]
    assert not found


def test_readme_and_changelog_say_whose_the_name_is():
    readme, changes = ((ROOT / name).read_text() for name in ("README.md", "CHANGELOG.md"))
    assert "@ git+https://" in readme and "somebody else" in readme
    assert "Publishing needs another name" in changes and f"## {minicnn.__version__}" in changes
