"""minicnn segment IMAGE..."""

import contextlib
import json
import re
import sys
import time
from pathlib import Path

import minicnn
from minicnn.basics.printing import one_line, print_lines
from minicnn.cli.arguments import (
    ASKED,
    LABELLING,
    add_command,
    add_json,
    add_machine,
    add_out,
    add_set,
)
from minicnn.cli.common import changes_in, labelling_in, machine, results_in, trained
from minicnn.cli.values import whole_number
from minicnn.datasets import data_home
from minicnn.images.formats import ENDINGS
from minicnn.images.reading import ImageError
from minicnn.inference.segmentation import LARGEST
from minicnn.inference.segmenting import labelling_for
from minicnn.learning import checkpoints
from minicnn.learning.trained import for_pixels
from minicnn.learning.world import world

CHOICES = LABELLING.replace("argmax (default)", "argmax (raw; default: the best measured)")
PARTS = (  # that results end in
    "overlay labels superpixels crf tree cover channels scores potts edges hierarchy proposals "
    "objects prior boxes segments"
).split()


def add(commands):
    p = add_command(commands, "segment", "names every pixel of photographs", run)
    p.add_argument("images", metavar="IMAGE", nargs="+", help="a picture, or a folder of pictures")
    p.add_argument("--model", default="photo", help=f"{ASKED} (photo)")
    p.add_argument(
        "--size",
        type=whole_number(1, LARGEST),
        metavar="N",
        help=f"long side that the network sees, in pixels (as in training), at most {LARGEST}",
    )
    add_set(p, CHOICES)
    p.add_argument("--stages", action="store_true", help="pictures of each stage of the labelling")
    p.add_argument("--force", action="store_true", help="replaces results of the same names")
    add_machine(p)
    add_out(p, "folder for overlays and label maps, new or not (segmented-1, or the next number)")
    add_json(p)


def run(o):
    settings = dict(o.set)
    changes, labelling = changes_in(settings), labelling_in(settings, default=None)
    found = [picture for name in o.images for picture in pictures(name)]
    done, failed, left_out, keep = [], 0, [], [path for path, _ in found]
    with machine(o) as device, results_in(o.out, "segmented", adding=True) as out:
        network = for_pixels(trained(o.model, device, changes))  # once for all pictures
        if network.network.task != "regions" or labelling is not None:
            labelling = labelling_for(network, labelling)
        if o.stages and (labelling is None or labelling.name == "argmax"):
            which = "superpixels, labelling=crf, potts, cover, proposals or prior"
            if labelling is None:
                which = "proposals, and no --model, to see what objects are looked for among"
            raise ValueError(f"--stages shows what a labelling does: add --set labelling={which}")
        try:
            for path, sure in dealt(found):
                begun = time.perf_counter()
                try:
                    result = minicnn.segment(path, network, o.size, labelling=labelling)
                except ValueError as error:
                    failed += _failed(path, sure, error, left_out)
                    continue
                files = [str(file) for file in result.save(out, o.stages, o.force, keep)]
                keep += files
                done.append(_about(path, result, files, time.perf_counter() - begun))
                if not o.json:
                    print_lines(_line(path, result, files))
                    sys.stdout.flush()
                _warn(path, result)
        finally:  # what is done is told, even if the disk is full now
            together = world().gather((done, failed, left_out))  # of all processes
            done, failed, left_out = (sum(p, type(p[0])()) for p in zip(*together, strict=True))
            done.sort(key=lambda about: keep.index(about["image"]))
            if world().first:
                conclude(o, network, labelling, done, failed, left_out)
    return 2 if failed or not done else 0


def _failed(path, sure, error, left_out):
    """Whether the picture failed, which is said; what lies in a folder and is none is left out."""
    unreadable = isinstance(error, ImageError)
    if unreadable and not sure:
        left_out.append(one_line(path))
        return False
    where = "" if unreadable else f"{path}: "
    print_lines(f"minicnn: {one_line(where + str(error))}", file=sys.stderr)
    return True


def conclude(o, network, labelling, done, failed, left_out):
    """What is said when all pictures are done."""
    if done and network.weights.parent == checkpoints.WEIGHTS:
        say_terms_once()
    if left_out:
        print(f"minicnn: left out, not pictures: {', '.join(left_out)}", file=sys.stderr)
    if o.json:
        about = {"pictures": done, "failed": failed, "left_out": left_out}
        print(json.dumps(about | {"labelling": str(labelling or "objects")}))


def say_terms_once():
    """At the first use of shipped weights, what they may be used for. Where nothing can be noted
    down, it is said again."""
    said = data_home() / ".terms-said"
    if not said.exists():
        print(f"minicnn: the networks that come with minicnn: {checkpoints.TERMS}", file=sys.stderr)
        with contextlib.suppress(OSError):
            said.parent.mkdir(parents=True, exist_ok=True)
            said.touch()


def pictures(name):
    """[(path, whether it has to be a picture)]: the file itself, or what is in a folder, sorted;
    there, files that are not called as pictures are tried, too, and no failure if they are none.
    The results of an earlier call are not segmented again."""
    folder = Path(name)
    if not folder.is_dir():
        return [(name, True)]
    names = {entry.name for entry in folder.iterdir() if not entry.name.startswith(".")}
    starts = {n.removesuffix("overlay.png") for n in names if n.endswith("-overlay.png")}
    parts = [*(f"{part}.png" for part in PARTS), "objects.json"]
    ours = {f"{start}{part}" for start in starts for part in parts if f"{start}labels.png" in names}
    if not names - ours:
        raise ImageError(f"{name}: there is no picture in this folder")
    inside = [folder / n for n in sorted(names - ours)]
    if all(path.is_dir() for path in inside):
        raise ImageError(
            f"{name}: there is no picture in this folder itself, only folders, {inside[0].name} "
            f"for one: name those, as {name}/*"
        )
    return [(str(p), p.suffix.lower() in ENDINGS) for p in inside]


def dealt(found):
    """Those of the pictures that this process segments, if there are several. Names of results that
    depend on each other, as those of a.jpg and a.png, are made by one of them."""
    stems = [re.sub(r"(-\d+)+$", "", Path(path).stem) for path, _ in found]
    mine = world().deal([*dict.fromkeys(stems)])
    return [picture for picture, stem in zip(found, stems, strict=True) if stem in mine]


def _about(path, result, files, seconds):
    """What --json tells of one picture."""
    shares = dict(zip(result.classes, result.shares.round(6).tolist(), strict=True))
    found = {"objects": result.about()} if hasattr(result, "objects") else {}
    if getattr(result, "usual", None) is not None:
        found |= {"sure": round(result.sure, 4), "unlike": result.unlike}
    return {"image": path, "files": files, "shares": shares, "seconds": round(seconds, 3)} | found


def _line(path, result, files):
    named = result.named() or "all transparent"
    nameless = " without names, for which it is too narrow" if result.legend() is None else ""
    return f"{path}: {named} ({result.labelling}); {files[0]}{nameless}"


def _warn(path, result):
    """A sentence about a picture that is unlike those that the network knows."""
    if getattr(result, "unlike", False):
        print_lines(
            f"minicnn: {path}: the network is less sure of it ({result.sure:.0%}) than of nearly "
            f"all pictures that it was chosen on ({result.usual:.0%} and more): it may show what "
            "the network has never seen, so look at the result before you use it",
            file=sys.stderr,
        )
