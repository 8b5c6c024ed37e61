"""Installing a data set, from an archive that is here or that is fetched: all of it or nothing.

Everything is unpacked into a hidden folder beside the place where it shall be, looked at there, and
then put in place by one rename. Whoever looks at any moment, also after a crash, sees the old data
set, or the new one, or none: never half of one.
"""

import contextlib
import errno
import fcntl
import hashlib
import json
import os
import shutil
import tempfile
from pathlib import Path

from minicnn.basics.nearest import did_you_mean
from minicnn.basics.plain import read_text
from minicnn.datasets import fetching
from minicnn.datasets.dataset import DataError
from minicnn.datasets.registry import (
    INSTALLABLE,
    data_home,
    how_to_install,
    is_installed,
    official_archive,
    overview,
)
from minicnn.datasets.unpacking import CHUNK, check_source, unpack

RECORD = ".installed.json"  # beside the data: from what it was installed, and how much it was
HIDDEN = ".installing-"


def install(name, source=None, say=print, agree=None):
    """Installs the data set `name` from an archive or a folder; returns where it is.

    Without a source the official archive is fetched, after `agree` was called, with no arguments,
    and has returned true; before, size and terms are said. Installing twice from the same archive
    says so and does nothing; another source, or a data set that has lost files, is replaced. `say`
    is called with a line for every note. Raises DataError.
    """
    if name not in INSTALLABLE:
        what = "needs no files" if name == "scenes" else "is not a data set that can be installed"
        raise DataError(f"{name} {what}; {overview()}{did_you_mean(name, INSTALLABLE)}")
    kind, home = INSTALLABLE[name], data_home()
    if source is None:
        if _is_whole(home / name):
            say(f"{name} is already installed in {home / name}; --from would replace it")
            return home / name
        archive = _agreed(kind, say, agree)
        return _undisturbed(name, lambda: _fetch_and_install(kind, archive, home / name, say))
    source = Path(source)
    if not source.exists():
        raise DataError(f"{source}: there is no such file or folder to install {name} from")
    check_source(source)  # before its digest is taken: a pipe would be waited for
    return _undisturbed(name, lambda: _install(kind, source, home / name, say))


def _undisturbed(name, put_in_place):
    """The result of a function that installs, called while nobody else installs."""
    home = data_home()
    try:
        home.mkdir(parents=True, exist_ok=True)
        with _alone(home):
            return put_in_place()
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise DataError(
                f"{name} was not installed: the disk of {home} is full; make room, or let "
                "MINICNN_DATA name a folder on another disk"
            ) from error
        raise DataError(
            f"{name} was not installed: {error.filename or home}: {error.strerror or error}"
        ) from error


def _agreed(kind, say, agree):
    """The official Archive, after size and terms were said and somebody agreed to them."""
    archive = official_archive(kind.name)
    if fetching.offline():
        raise DataError(f"MINICNN_OFFLINE is set: nothing is fetched; {how_to_install(kind.name)}")
    if agree is None:
        raise DataError(f"{kind.name} would be fetched: agree to that; {how_to_install(kind.name)}")
    size = fetching.size_of(archive)
    much = f"{size / 1e6:.1f} MB" if size else "the server does not say how much"
    say(f"{archive.url}: {much}")
    say(f"terms: {kind.terms}")
    if not agree():
        raise DataError(f"{kind.name} was not fetched")
    return archive


def _fetch_and_install(kind, archive, target, say):
    folder = Path(tempfile.mkdtemp(prefix=HIDDEN, dir=target.parent))
    try:
        return _install(kind, Path(fetching.fetch(archive, folder)), target, say, archive)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _install(kind, source, target, say, archive=None):
    """Installs from `source`, which is what was fetched of `archive` if that is given."""
    digest = None if source.is_dir() else _sha256(source)
    if digest and _record(target).get("sha256") == digest and _is_whole(target):
        say(f"{kind.name} is already installed in {target}, from this archive")
        return target
    if archive is not None and archive.md5:
        say(f"the checksum is that of the official file (md5 {archive.md5})")
    elif archive is not None:
        say(
            "note: no checksum of this file is known, so only its type, its layout and the number "
            f"of its pictures are checked (sha256 {digest})"
        )
    elif digest is None:
        say(f"note: {source} is a folder, so no digest could be compared")
    elif digest not in kind.digests:
        say(f"note: {source} is an archive that minicnn does not know (sha256 {digest})")
    work = Path(tempfile.mkdtemp(prefix=HIDDEN, dir=target.parent))
    try:
        unpack(source, work)
        root = kind.locate(work)
        if root is None:
            raise DataError(f"{source}: does not have the layout of {kind.name}; {kind.layout}")
        (root / RECORD).unlink(missing_ok=True)  # the source may be an installed data set itself
        files, size = _extent(root)
        origin = archive.url if archive else str(source.resolve())
        record = {"source": origin, "sha256": digest, "files": files, "bytes": size}
        (root / RECORD).write_text(json.dumps(record, indent=1) + "\n")
        dataset = kind(root)  # the last look: it opens
        pictures = sum(len(dataset.names(split)) for split in ("train", "val", "test"))
        if archive is not None and pictures != archive.pictures:
            raise DataError(
                f"{archive.url}: holds {pictures} pictures, not {archive.pictures} as it should"
            )
        os.chmod(root, 0o755)  # mkdtemp makes folders that only their owner may read
        _put_in_place(root, target, work)
    finally:
        shutil.rmtree(work, ignore_errors=True)
    say(f"{kind.name}: {pictures} pictures installed in {target}")
    if archive is None:  # else they were said before
        say(f"terms: {kind.terms}")
    for line in _licence(kind, target):
        say(line)
    return target


def _licence(kind, target):
    """The files of a licence that came with the archive: what a text says, and where others lie."""
    for path in (target / name for name in getattr(kind, "licence", ())):
        if path.suffix == ".txt" and path.is_file():
            yield from ["", *read_text(path, DataError).strip().splitlines(), ""]
        elif path.is_file():
            yield f"the licence itself: {path}"


def _put_in_place(root, target, work):
    """Renames `root` to `target`. What was there is moved into `work`, and back if that fails."""
    before = work.with_name(work.name + "-before")
    if target.exists():
        os.rename(target, before)
    try:
        os.rename(root, target)
    except OSError:
        if before.exists():
            os.rename(before, target)
        raise
    shutil.rmtree(before, ignore_errors=True)


@contextlib.contextmanager
def _alone(home):
    """One installation at a time; and since nobody else is at work, what a killed one has left
    behind can be cleared away."""
    with open(home / ".lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # let go when the file is closed, or the process dies
        for left in home.glob(HIDDEN + "*"):
            shutil.rmtree(left, ignore_errors=True)
        yield


def _record(target):
    try:
        record = json.loads(read_text(target / RECORD))
    except (ValueError, RecursionError):
        return {}
    return record if isinstance(record, dict) else {}


def _is_whole(target):
    """Whether the installed files are as many, and as large together, as on the first day."""
    record = _record(target)
    extent = record.get("files"), record.get("bytes")
    return is_installed(target.name) and _extent(target) == extent


def _extent(folder):
    """(number, bytes) of the files under a folder, our record not counted."""
    sizes = [p.stat().st_size for p in folder.rglob("*") if p.is_file() and p.name != RECORD]
    return len(sizes), sum(sizes)


def _sha256(path):
    digest = hashlib.sha256()
    with open(path, "rb") as file:
        while chunk := file.read(CHUNK):
            digest.update(chunk)
    return digest.hexdigest()
