"""minicnn segment IMAGE..."""

import json
import sys
import time

import minicnn
from minicnn.cli.arguments import (
    LABELLING,
    TRAINED,
    add_command,
    add_json,
    add_machine,
    add_out,
    add_set,
)
from minicnn.cli.common import changes_in, labelling_in, machine, trained
from minicnn.cli.values import new_folder, whole_number
from minicnn.covers import with_classifier
from minicnn.printing import one_line, print_lines
from minicnn.segmenting import LARGEST
from minicnn.writing import save_png


def add(commands):
    p = add_command(commands, "segment", "names every pixel of photographs", run)
    p.add_argument("images", metavar="IMAGE", nargs="+")
    p.add_argument("--model", default="multi-scale", help=f"{TRAINED} (multi-scale)")
    p.add_argument(
        "--size",
        type=whole_number(1, LARGEST),
        metavar="N",
        help=f"long side that the network sees, in pixels (as in training), at most {LARGEST}",
    )
    add_set(p, LABELLING)
    p.add_argument("--stages", action="store_true", help="pictures of each stage of the labelling")
    add_machine(p)
    add_out(p, "folder for overlays and label maps (segmented-1, or the next number)")
    add_json(p)


def run(o):
    failed, done, settings = 0, [], dict(o.set)
    changes, labelling = changes_in(settings), labelling_in(settings)
    if o.stages and labelling.name == "argmax":
        which = "superpixels, labelling=crf or labelling=cover"
        raise ValueError(f"--stages shows what a labelling does: add --set labelling={which}")
    with machine(o) as device, new_folder(o.out, "segmented") as out:
        network = trained(o.model, device, changes)  # once for all pictures
        labelling = with_classifier(labelling, network.network, network.weights)
        for path in o.images:
            begun = time.perf_counter()
            try:
                result = minicnn.segment(path, network, o.size, labelling=labelling)
            except ValueError as error:
                failed += 1
                print("minicnn:", one_line(error), file=sys.stderr)
                continue
            shares = dict(zip(result.classes, result.shares.round(6).tolist(), strict=True))
            files = result.save(out)
            for stage, figure in result.stages().items() if o.stages else ():
                start = files[0].name.removesuffix("overlay.png")
                files += (files[0].with_name(f"{start}{stage}.png"),)
                save_png(figure, files[-1])
            files = [str(file) for file in files]
            seconds = round(time.perf_counter() - begun, 3)
            done.append({"image": path, "files": files, "shares": shares, "seconds": seconds})
            if not o.json:
                most = sorted(shares.items(), key=lambda item: -item[1])[:3]
                named = ", ".join(f"{name} {share:.0%}" for name, share in most if share)
                print_lines(f"{path}: {named}; {files[0]}")
    if o.json:
        print(json.dumps({"pictures": done, "failed": failed}))
    return 2 if failed else 0
