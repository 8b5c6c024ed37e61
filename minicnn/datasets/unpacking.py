"""Archives and folders, copied into an empty folder and nowhere else.

An archive is text written by a stranger: its member names may climb out of the target with «..»,
its links may point anywhere, and its few kilobytes may unfold into terabytes. So nothing is
extracted by the archive's own instructions. Every member is looked at first, and its bytes are
copied by us into a new file under the target, and counted on the way. What surrounds the members
(names, headers, the zeros at the end) is read through a Meter, which believes no size.
"""

import bz2
import contextlib
import errno
import gzip
import lzma
import os
import stat
import tarfile
import zipfile
from pathlib import Path, PurePosixPath

from minicnn.basics.plain import why_not_plain
from minicnn.datasets.dataset import DataError

MAX_BYTES = 2 * 10**9
MAX_FILES = 200_000
MAX_HEADER = 1 << 20  # bytes of all that precedes one member of a tar: names of a few hundred
MAX_LISTING = 32 << 20  # bytes of the list at the end of a zip: 160 for each file
CHUNK = 1 << 20
OF_A_MAC = "__MACOSX"  # where its Finder puts, beside every file of a zip, another of the same name

DECOMPRESS = {b"\x1f\x8b": gzip.open, b"BZh": bz2.open, b"\xfd7zXZ\0": lzma.open}


def unpack(source, target, max_bytes=MAX_BYTES, max_files=MAX_FILES):
    """Copies the files of `source` (a zip or tar archive, or a folder) into the folder `target`.

    Returns the number of files. Raises DataError for a damaged archive, a member that would leave
    the target, a link, anything that is not a plain file, and for too much of it; and OSError if
    the disk is full. What was copied until then is left in `target`.
    """
    source, target = Path(source), Path(target)
    check_source(source, max_bytes)
    files, room = 0, max_bytes
    try:
        for name, size, opened in _members(source, max_bytes, max_files):
            path, before = target / _inside(name, source), room
            path.parent.mkdir(parents=True, exist_ok=True)
            with opened() as stream, open(path, "xb") as file:
                while chunk := stream.read(CHUNK):
                    room -= len(chunk)
                    if room < 0:
                        raise _too_much(source, max_bytes)
                    file.write(chunk)
            if size not in (None, before - room):
                raise ValueError(f"{name!r} has not the {size} bytes that are declared")
            files += 1
    except DataError:
        raise
    except FileExistsError as error:
        raise DataError(f"{source}: holds {Path(error.filename).name} twice") from error
    except (RuntimeError, NotImplementedError) as error:  # an encrypted zip, a rare compression
        raise DataError(f"{source}: cannot be unpacked here ({error})") from error
    except MemoryError as error:
        raise DataError(f"{source}: cannot be unpacked here, the memory is full") from error
    except Exception as error:  # readers fed with arbitrary bytes raise nearly anything
        if isinstance(error, OSError) and error.errno not in (None, errno.EINVAL):
            raise  # the disk's own; bz2 gives no number, and a seek to before the start EINVAL
        raise DataError(f"{source}: the archive is damaged or incomplete ({error})") from error
    return files


def check_source(source, max_bytes=MAX_BYTES):
    """Raises DataError for a source that is neither a folder nor a plain file of bearable size."""
    if source.is_dir():
        return
    if why := why_not_plain(source):
        raise DataError(f"{source}: {why}")
    if source.stat().st_size > max_bytes:
        raise DataError(f"{source}: is an archive of more than {max_bytes / 1e9:g} GB")


def _members(source, max_bytes, max_files):
    """(name, bytes that are declared or None, function that opens them) of every plain file in the
    source."""
    if source.is_dir():
        members = _folder_members(source)
    elif zipfile.is_zipfile(source):
        members = _zip_members(source, max_bytes)
    else:
        members = _tar_members(source, max_bytes)
    for count, member in enumerate(members, 1):
        if count > max_files:
            raise DataError(f"{source}: holds more than {max_files} files")
        if member is not None and PurePosixPath(member[0]).parts[:1] != (OF_A_MAC,):
            yield member


def _too_much(source, max_bytes):
    return DataError(f"{source}: unpacks to more than {max_bytes / 1e9:g} GB")


def _inside(name, source):
    """The member's path below the target. Raises DataError if it would lead out of it."""
    path = PurePosixPath(name)
    if path.is_absolute() or ".." in path.parts or "\\" in name or "\0" in name or not path.parts:
        raise DataError(f"{source}: holds the path {name!r}, which would leave the data set")
    return path


def _refuse(source, name, what):
    raise DataError(
        f"{source}: {name!r} is {what}; only plain files are installed: put the file itself there"
    )


class Meter:
    """A binary file that hands out at most `room` bytes in all, until it is told another number,
    and none behind `end`. A demand for more is refused before memory is taken for it."""

    def __init__(self, file, source, room, end=float("inf")):
        self.file, self.source, self.room, self.end = file, source, room, end

    def read(self, size=-1):
        if size is None or size < 0:  # all that is left, which had better be little
            size = self.room
        elif size > self.room:
            raise DataError(
                f"{self.source}: declares names or headers of more than {self.room / 1e6:.2g} MB"
            )
        data = self.file.read(size)
        self.room -= len(data)
        if self.file.tell() > self.end:
            raise _too_much(self.source, self.end)
        return data

    def seek(self, offset, whence=0):
        if whence == 0 and offset > self.end:  # a compressed file would be unfolded on the way
            raise _too_much(self.source, self.end)
        return self.file.seek(offset, whence)

    def tell(self):
        return self.file.tell()

    def seekable(self):
        return True


# Each of these yields (name, bytes that are declared or None, a function that opens them) for the
# plain files of a source, and None for each folder in it.


def _zip_members(source, max_bytes):
    with open(source, "rb") as file:
        meter = Meter(file, source, MAX_LISTING)
        with zipfile.ZipFile(meter) as archive:
            for member in archive.infolist():
                meter.room = max_bytes
                kind = stat.S_IFMT(member.external_attr >> 16)  # 0 if it was not made on Unix
                if stat.S_ISLNK(kind):
                    _refuse(source, member.filename, "a link")
                if kind not in (0, stat.S_IFREG, stat.S_IFDIR):
                    _refuse(source, member.filename, "a device or a pipe")
                opened = lambda member=member: archive.open(member)  # noqa: E731
                yield None if member.is_dir() else (member.filename, member.file_size, opened)


def _tar_members(source, max_bytes):
    with _decompressed(source) as file:
        meter = Meter(file, source, MAX_HEADER, max_bytes)
        try:
            archive = tarfile.open(fileobj=meter, mode="r:")
        except tarfile.ReadError as error:
            raise DataError(
                f"{source}: is neither a folder nor a zip or tar archive, or is damaged"
            ) from error
        with archive:
            while True:
                meter.room = MAX_HEADER
                if (member := archive.next()) is None:
                    break
                if member.issym() or member.islnk():
                    _refuse(source, member.name, "a link")
                if not member.isfile() and not member.isdir():
                    _refuse(source, member.name, "a device or a pipe")
                meter.room = max_bytes
                opened = lambda member=member: archive.extractfile(member)  # noqa: E731
                yield None if member.isdir() else (member.name, member.size, opened)
        meter.room = max_bytes
        while meter.read(CHUNK):  # a compressed stream has its checksum at the very end
            meter.room = max_bytes


@contextlib.contextmanager
def _decompressed(source):
    """The bytes of a tar archive, whichever way it is compressed."""
    with open(source, "rb") as file:
        start = file.read(8)
        file.seek(0)
        known = (opener for magic, opener in DECOMPRESS.items() if start.startswith(magic))
        opener = next(known, None)
        if opener is None:
            yield file
        else:
            with opener(file) as stream:
                yield stream


def _folder_members(source):
    """Links are followed as long as they stay in the folder; links to folders are refused."""
    home = source.resolve()
    for folder, folders, names in os.walk(source, onerror=_raise):
        folders.sort()
        for name in sorted(folders + names):
            path = Path(folder, name)
            inside = path.relative_to(source).as_posix()
            if path.is_symlink() and (path.is_dir() or not path.resolve().is_relative_to(home)):
                _refuse(source, inside, "a link to a folder or out of the data set")
            if path.is_dir():
                yield None
                continue
            if not path.is_file():
                _refuse(source, inside, "a broken link, a device or a pipe")
            yield inside, None, lambda path=path: open(path, "rb")


def _raise(error):
    raise error
