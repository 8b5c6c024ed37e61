"""minicnn export RUN FILE"""

from pathlib import Path

from minicnn.cli.arguments import TRAINED, add_command


def add(commands):
    what = "writes a trained network to one file to be passed on, half as large"
    p = add_command(commands, "export", what, run)
    p.add_argument("run", metavar="RUN", help=TRAINED)
    p.add_argument("file", metavar="FILE", help="the .safetensors file to write")
    p.add_argument("--force", action="store_true", help="replaces a file of this name")


def run(o):
    from minicnn.learning.checkpoints import export, find

    file = Path(o.file)
    if file.suffix != ".safetensors":
        raise ValueError(f"{file}: the name has to end in .safetensors")
    if not file.parent.is_dir():
        raise ValueError(f"{file}: there is no folder {file.parent}")
    if file.is_dir() or (file.exists() and not o.force):
        raise ValueError(f"{file} exists; choose another name, or add --force")
    if file.exists() and file.samefile(find(o.run)):
        raise ValueError(f"{file} is this network itself; choose another name")
    export(o.run, file)
    size = file.stat().st_size / 1e6
    print(f"{file} ({size:.1f} MB); use it: minicnn segment photo.jpg --model {file}")
