"""Which formats of checkpoints there have been, and how the older ones are read.

0  before formats were counted; what such a file lacks has the value of before there was a choice
1  config as a dataclass
2  trainings in minutes (pace, val_pictures), batches, the digest of the data; `fine=dilated`
3  colour noise, rates divided where `val` stalls
4  a learning rate for what begins at random beside the weights of a start
5  of alexnet the order of the channels, a file with the mean, the bias of the norm; of feedback
   maps that are averaged over cells
6  how many batches make a step: as many as there were processes
7  training pictures in other light; how sure a network is of its validation pictures
"""

from minicnn.basics import typed
from minicnn.basics.typed import Malformed

FORMAT = 7


class CheckpointError(ValueError):
    """A checkpoint that cannot be read or does not fit; the message names the file."""


def from_header(kind, header, source, check=None):
    """A header of today's format or an older one as a `kind`, a dataclass; `check(found, complete)`
    looks at what the kinds of its fields do not say. Raises CheckpointError."""
    try:
        header = dict(typed.read(dict[str, object], header))
        version = header.pop("format", 0)
        typed.check(typed.read(int, version, "format"), "format", range=(0, 1e9))
        if version > FORMAT:
            raise CheckpointError(
                f"{source}: of format {version}, and this minicnn reads {FORMAT} and older ones; "
                "a newer minicnn wrote it, take that"
            )
        complete = version == FORMAT
        header = header if complete else in_todays_words(header)
        found = typed.read(kind, header, complete=complete)
        if check is not None:
            check(found, complete)
    except Malformed as error:
        raise CheckpointError(
            f"{source}: its description is damaged: {error}; take another copy of the file"
        ) from None
    return found


def in_todays_words(header):
    """A header of format 0 or 1: what is called otherwise since then. What it lacks, the defaults
    add."""
    options = header.get("options")
    if isinstance(options, dict) and options.get("fine") == "holes":  # of the recurrent network
        return header | {"options": options | {"fine": "dilated"}}
    return header
