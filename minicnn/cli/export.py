"""minicnn export RUN FILE"""

from pathlib import Path

from minicnn.cli import keys
from minicnn.cli.arguments import TRAINED, add_command, add_set


def add(commands):
    what = "writes a trained network to one file to be passed on: half as large, or as ONNX"
    p = add_command(commands, "export", what, run)
    p.add_argument("run", metavar="RUN", help=f"{TRAINED}; or an .onnx file")
    p.add_argument(
        "file", metavar="FILE", help="to write: NAME.safetensors for minicnn, NAME.onnx for others"
    )
    what = "of alexnet, as ONNX: the network that names the pixels of a picture of any size"
    p.add_argument("--pixels", action="store_true", help=what)
    what = "of an .onnx file that becomes a checkpoint: model=alexnet, and its options"
    add_set(p, what, keys.of_networks)
    p.add_argument("--force", action="store_true", help="replaces a file of this name")


def run(o):
    from minicnn.learning.checkpoints import export, find

    file = Path(o.file)
    if file.suffix not in (".safetensors", ".onnx"):
        raise ValueError(f"{file}: the name has to end in .safetensors or .onnx")
    if o.pixels and file.suffix != ".onnx":
        raise ValueError("--pixels is for .onnx files; others hold the whole network anyway")
    if not file.parent.is_dir():
        raise ValueError(f"{file}: there is no folder {file.parent}")
    if file.is_dir() or (file.exists() and not o.force):
        raise ValueError(f"{file} exists; choose another name, or add --force")
    model, foreign = o.run, o.run.endswith(".onnx")
    if o.set and not foreign:
        raise ValueError("--set is for .onnx files; a trained network has its options")
    if foreign and file.suffix == ".onnx":
        raise ValueError(f"{o.run} is an ONNX file already: give a name that ends in .safetensors")
    if file.exists() and not foreign and file.samefile(find(o.run)):
        raise ValueError(f"{file} is this network itself; choose another name")
    if foreign:
        from minicnn.interchange.converting import convert

        model = convert(o.run, dict(o.set))
    if file.suffix == ".onnx":
        from minicnn import interchange

        interchange.export(model, file, pixels=o.pixels)
        text = interchange.load(file).metadata
        how = f"image: {text['input']}; scores: {text['output']}; to be done before: "
        how += text["caller"]
    else:
        export(model, file)
        how = f"use it: minicnn segment photo.jpg --model {file}"
        how = f"what is in it: minicnn info {file}" if foreign else how
    print(f"{file} ({file.stat().st_size / 1e6:.1f} MB); {how}")
