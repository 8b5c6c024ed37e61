"""Results on disk: a file is written whole or not at all, a folder belongs to one run at a time."""

import contextlib
import io
import os
import re
import threading
from pathlib import Path

_held = set()  # descriptors of the folders that this process has locked
_changing = threading.RLock()  # held where `_held` and what is locked change together


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
    except OSError as error:  # of the file that was asked for; nobody knows the other one
        raise type(error)(error.errno, error.strerror, str(path)) from None
    finally:
        temporary.unlink(missing_ok=True)


def save_png(picture, path, **options):
    """Writes a matplotlib figure or a Pillow image as PNG; `options` are those of its own save."""
    buffer = io.BytesIO()
    save = picture.savefig if hasattr(picture, "savefig") else picture.save
    save(buffer, format="png", **options)
    write_atomically(path, buffer.getvalue())


def check_free(folder, hint):
    """ValueError if results in `folder` would mix with what lies there already. What a write of
    ours that was killed left behind does not count."""
    folder = Path(folder)
    if folder.exists() and (
        not folder.is_dir() or len(list(folder.iterdir())) > len(remains(folder))
    ):
        raise ValueError(f"{folder} exists and is not an empty folder; {hint}")


def remains(folder):
    """The temporary files in a folder that `write_atomically` left because it was killed, or has
    under way."""
    return [p for p in Path(folder).iterdir() if re.fullmatch(r"\..+\.\d+\.tmp", p.name)]


@contextlib.contextmanager
def lock_folder(folder):
    """Inside, no other process trains in `folder`: two would overwrite each other's checkpoints.
    The system lets go of the lock when a process ends, however it ends; what its last write left
    is cleared away here. None as folder is let through, and so are systems without such locks.
    Raises ValueError if another process is there."""
    if folder is None or os.name != "posix":
        yield
        return
    with _changing:
        handle = _locked(folder)
        _held.add(handle)
    process = os.getpid()
    try:
        for path in remains(folder):
            path.unlink(missing_ok=True)
        yield
    finally:
        if os.getpid() == process:  # a forked copy has let go already
            with _changing:
                _held.remove(handle)
                os.close(handle)


def _let_go():
    """In a forked copy, which would keep the locks of its parent when that has ended."""
    while _held:
        os.close(_held.pop())
    _changing.release()


if os.name == "posix":
    os.register_at_fork(
        before=_changing.acquire, after_in_parent=_changing.release, after_in_child=_let_go
    )


@contextlib.contextmanager
def claimed(folder, hint):
    """Inside, `folder` (a path, or None) is there, new or empty, and no other process may have it:
    see `lock_folder`. If what is inside fails, a folder that was made here and is still empty goes.
    Raises ValueError, with the hint, if something lies there."""
    if folder is None:
        yield
        return
    check_free(folder, hint)
    made = False
    with contextlib.suppress(FileExistsError):  # of another process, which is just beginning
        os.makedirs(folder)
        made = True
    try:
        with lock_folder(folder):
            check_free(folder, hint)  # again: it may have ended between the two lines above
            yield
    except BaseException:
        if made:
            remove_empty(folder)
        raise


def remove_empty(folder):
    """Removes a folder if nothing is in it, and nobody trains there."""
    with (
        contextlib.suppress(OSError, ValueError),
        lock_folder(folder),
    ):  # rmdir refuses what is not empty
        Path(folder).rmdir()


def _locked(folder):
    """A file descriptor of the folder, locked."""
    import fcntl

    handle = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        if not os.path.samestat(os.fstat(handle), os.stat(folder)):  # removed and made anew
            raise BlockingIOError
    except (BlockingIOError, FileNotFoundError):
        os.close(handle)
        raise ValueError(f"{folder}: another process is training here; let it end") from None
    return handle
