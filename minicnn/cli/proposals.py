"""minicnn train proposals --start EDGES --data NAME: lists and forest of object proposals."""

import json

import minicnn
from minicnn.cli.common import bar, beside_start, given, machine
from minicnn.learning.proposal_files import proposal_file

FLAGS = ("fold", "epochs", "minutes", "steps", "greedy", "overfit_one", "recipe", "out")


def train(o, settings, data_options):
    if wrong := given(o, FLAGS, data_options):
        what = "takes a data set as it is, and looks at each picture once"
        raise ValueError(f"train proposals {what}; leave {wrong[0]} away")
    if not o.start or not o.data:
        raise ValueError(
            "train proposals: on which network of edges, and which objects? "
            "minicnn train proposals --start runs/edges-1 --data voc2012-animals"
        )
    file = beside_start(o, proposal_file)
    with machine(o) as device:
        proposer = minicnn.train_proposals(
            o.start,
            o.data,
            settings=settings,
            seed=o.seed,
            device=device,
            skip_bad=o.skip_bad,
            progress=bar,
        )
    about = {"proposals": file} | proposer.about
    if o.json:
        return print(json.dumps(about))
    print(
        f"proposals: {about['pictures']} pictures of {about['data']}, about {about['candidates']} "
        f"candidates of each, {about['samples']} for the forest; {about['proposals']}"
    )
    print(f"next: minicnn train sds --data {o.data} --set edges={o.start}")
    print(f'or, in Python: minicnn.propose("photo.jpg", model="{o.start}")')
