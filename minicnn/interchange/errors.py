"""What cannot be carried in or out."""


class InterchangeError(ValueError):
    """A file that cannot be read or written, or a network that has no place in it; the message is
    one sentence that names the file, and in it the node."""
