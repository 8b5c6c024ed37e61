"""Archives and folders, copied into an empty folder and nowhere else.

An archive is text written by a stranger: its member names may climb out of the target with «..»,
its links may point anywhere, and its few kilobytes may unfold into terabytes. So nothing is
extracted by the archive's own instructions. Every member is looked at first, and its bytes are
copied by us into a new file under the target, and counted on the way.
"""

import lzma
import os
import stat
import tarfile
import zipfile
import zlib
from pathlib import Path, PurePosixPath

from minicnn.datasets.dataset import DataError

MAX_BYTES = 2 * 10**9
MAX_FILES = 200_000
CHUNK = 1 << 20

DAMAGED = (zipfile.BadZipFile, tarfile.TarError, zlib.error, lzma.LZMAError, EOFError)


def unpack(source, target, max_bytes=MAX_BYTES, max_files=MAX_FILES):
    """Copies the files of `source` (a zip or tar archive, or a folder) into the folder `target`.

    Returns the number of files. Raises DataError for a damaged archive, a member that would leave
    the target, a link, anything that is not a plain file, and for too much of it; and OSError if
    the disk is full. What was copied until then is left in `target`.
    """
    source, target = Path(source), Path(target)
    if source.is_dir():
        members = _folder_members(source)
    elif zipfile.is_zipfile(source):
        members = _zip_members(source)
    elif tarfile.is_tarfile(source):
        members = _tar_members(source)
    else:
        raise DataError(f"{source}: is neither a folder nor a zip or tar archive, or is damaged")
    files, room = 0, max_bytes
    try:
        for name, opened in members:
            files += 1
            if files > max_files:
                raise DataError(f"{source}: holds more than {max_files} files")
            path = target / _inside(name, source)
            path.parent.mkdir(parents=True, exist_ok=True)
            with opened() as stream, open(path, "xb") as file:
                while chunk := stream.read(CHUNK):
                    room -= len(chunk)
                    if room < 0:
                        raise DataError(f"{source}: unpacks to more than {max_bytes / 1e9:g} GB")
                    file.write(chunk)
    except DAMAGED as error:
        raise DataError(f"{source}: the archive is damaged or incomplete ({error})") from error
    except FileExistsError as error:
        raise DataError(f"{source}: holds {Path(error.filename).name} twice") from error
    except (RuntimeError, NotImplementedError) as error:  # an encrypted zip, a rare compression
        raise DataError(f"{source}: cannot be unpacked here ({error})") from error
    return files


def _inside(name, source):
    """The member's path below the target. Raises DataError if it would lead out of it."""
    path = PurePosixPath(name)
    if path.is_absolute() or ".." in path.parts or "\\" in name or not path.parts:
        raise DataError(f"{source}: holds the path {name!r}, which would leave the data set")
    return path


def _refuse(source, name, what):
    raise DataError(
        f"{source}: {name!r} is {what}; only plain files are installed: put the file itself there"
    )


# Each of these yields (name, a function that opens the bytes) for the plain files of a source.


def _zip_members(source):
    with zipfile.ZipFile(source) as archive:
        for member in archive.infolist():
            kind = stat.S_IFMT(member.external_attr >> 16)  # 0 where the zip was not made on Unix
            if stat.S_ISLNK(kind):
                _refuse(source, member.filename, "a link")
            if kind not in (0, stat.S_IFREG, stat.S_IFDIR):
                _refuse(source, member.filename, "a device or a pipe")
            if not member.is_dir():
                yield member.filename, lambda member=member: archive.open(member)


def _tar_members(source):
    with tarfile.open(source) as archive:
        for member in archive:
            if member.issym() or member.islnk():
                _refuse(source, member.name, "a link")
            if member.isdir():
                continue
            if not member.isfile():
                _refuse(source, member.name, "a device or a pipe")
            yield member.name, lambda member=member: archive.extractfile(member)
        while archive.fileobj.read(CHUNK):  # a compressed stream has its checksum at the very end
            pass


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
                continue
            if not path.is_file():
                _refuse(source, inside, "a broken link, a device or a pipe")
            yield inside, lambda path=path: open(path, "rb")


def _raise(error):
    raise error
