"""Results on disk: a file is written whole or not at all, a folder belongs to one run at a time."""

import contextlib
import io
import os
from pathlib import Path


def write_atomically(path, data):
    """Writes bytes (or text) beside `path` and renames: readers see the old file or the new."""
    path = Path(path)
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        with open(temporary, "wb") as file:
            file.write(data.encode() if isinstance(data, str) else data)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)


def save_png(picture, path, **options):
    """Writes a matplotlib figure or a Pillow image as PNG; `options` are those of its own save."""
    buffer = io.BytesIO()
    save = picture.savefig if hasattr(picture, "savefig") else picture.save
    save(buffer, format="png", **options)
    write_atomically(path, buffer.getvalue())


def check_free(folder, hint):
    """ValueError if results in `folder` would mix with what lies there already."""
    folder = Path(folder)
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise ValueError(f"{folder} exists and is not an empty folder; {hint}")


@contextlib.contextmanager
def alone(folder):
    """Inside, no other process trains in `folder`: two would overwrite each other's checkpoints.
    The system lets go of the lock when a process ends, however it ends. None as folder, and
    systems without such locks, are let through."""
    if folder is None or os.name != "posix":
        yield
        return
    import fcntl

    handle = os.open(folder, os.O_RDONLY)
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise ValueError(f"{folder}: another process is training here; let it end") from None
        yield
    finally:
        os.close(handle)
