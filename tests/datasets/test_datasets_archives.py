"""Archives that declare more than they hold, or hold more than anybody wants."""

import bz2
import contextlib
import gzip
import lzma
import os
import random
import tarfile
import tracemalloc
import zipfile

import pytest
from support.installs import install, left, refused

from minicnn import datasets
from minicnn.datasets import DataError, unpacking
from minicnn.datasets.unpacking import unpack

NAME = "stanford-background"


# ------------------------------------------------------------- sizes that nobody should believe


def header(kind, size, name="x"):
    """A tar header that declares `size` bytes of this kind."""
    member = tarfile.TarInfo(name)
    member.type, member.size = kind, size
    return member.tobuf(tarfile.GNU_FORMAT)


def sparse(path, start, size):
    """A file of `size` bytes on no disk space: `start`, and zeros behind it."""
    path.write_bytes(start)
    os.truncate(path, size)
    return path


@pytest.mark.parametrize("kind", [tarfile.GNUTYPE_LONGNAME, tarfile.GNUTYPE_LONGLINK])
@pytest.mark.parametrize("packed", [False, True])
def test_a_long_name_is_not_believed(home, tmp_path, kind, packed):
    start = header(kind, 60_000_000)  # read whole, it would be more than is allowed below
    if packed:
        (tmp_path / "a.tar.gz").write_bytes(gzip.compress(start + bytes(2_000_000)))
        path = tmp_path / "a.tar.gz"
    else:
        path = sparse(tmp_path / "a.tar", start, 70_000_000)
    tracemalloc.start()
    refused("declares names or headers of more than 1 MB", NAME, path)
    assert tracemalloc.get_traced_memory()[1] < 20e6
    tracemalloc.stop()
    assert left(home) == []


@pytest.mark.parametrize("kind", [tarfile.XHDTYPE, tarfile.XGLTYPE])
def test_a_pax_header_is_not_believed(home, tmp_path, kind):
    path = sparse(tmp_path / "a.tar", header(kind, 60_000_000), 70_000_000)
    refused("declares names or headers of more than 1 MB", NAME, path)


def test_headers_without_end(home, tmp_path):
    """Each small, one after the other: a member that never comes."""
    body = header(tarfile.XGLTYPE, 1024) + b"15 comment=abc\n".ljust(1024, b"\0")
    (tmp_path / "a.tar").write_bytes(body * 2000)
    with pytest.raises(DataError):
        datasets.install(NAME, tmp_path / "a.tar")


@pytest.mark.parametrize("opener", [gzip.open, bz2.open, lzma.open])
def test_zeros_behind_the_end(tmp_path, archive, opener):
    with opener(tmp_path / "a.tar.x", "wb") as packed:
        with tarfile.open(fileobj=packed, mode="w") as tar:
            tar.add(tmp_path / "src", ".")
        packed.write(bytes(5_000_000))
    (tmp_path / "out").mkdir()
    (tmp_path / "again").mkdir()
    with pytest.raises(DataError, match="unpacks to more than 0.004 GB"):
        unpack(tmp_path / "a.tar.x", tmp_path / "out", max_bytes=4_000_000)
    assert unpack(tmp_path / "a.tar.x", tmp_path / "again") == 21  # harmless when bearable


def test_a_member_that_is_skipped_is_counted(tmp_path):
    """A folder that declares gigabytes: to pass over them is to unfold them."""
    with gzip.open(tmp_path / "a.tar.gz", "wb") as packed:
        packed.write(header(tarfile.DIRTYPE, 0) + header(tarfile.REGTYPE, 10**12, "y"))
    (tmp_path / "out").mkdir()
    with pytest.raises(DataError):
        unpack(tmp_path / "a.tar.gz", tmp_path / "out")


@pytest.mark.parametrize("length", [1, 2, 10, 100])
@pytest.mark.parametrize("mode", ["w:gz", "w:bz2", "w:xz", "w"])
def test_an_archive_cut_near_its_beginning(home, archive, tmp_path, mode, length):
    path = tmp_path / "data.tar.x"
    with tarfile.open(path, mode) as tar:
        tar.add(tmp_path / "src", ".")
    os.truncate(path, length)
    with pytest.raises(DataError, match=r"data.tar.x: .*(damaged|neither)"):
        datasets.install(NAME, path)
    assert left(home) == []


@pytest.mark.parametrize("mode", ["w:gz", "w:bz2", "w:xz"])
def test_a_changed_byte_of_a_compressed_tar(home, archive, tmp_path, mode):
    path = tmp_path / "data.tar.x"
    with tarfile.open(path, mode) as tar:
        tar.add(tmp_path / "src", ".")
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 255
    path.write_bytes(data)
    # what was unpacked before the checksum may be another complaint already
    with pytest.raises(DataError, match=r"data.tar.x: .*(damaged|twice)"):
        datasets.install(NAME, path)
    assert left(home) == []


def test_a_zip_whose_list_is_too_long(home, archive, monkeypatch):
    monkeypatch.setattr(unpacking, "MAX_LISTING", 1000)
    refused("declares names or headers", NAME, archive)


@pytest.mark.parametrize("declared", [0, 10, 2**32 - 2])
@pytest.mark.parametrize("method", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
def test_a_zip_whose_members_are_not_as_large_as_declared(tmp_path, method, declared):
    """Smaller or larger: what is really there is compared with its size and its checksum."""
    with zipfile.ZipFile(tmp_path / "a.zip", "w", method) as file:
        file.writestr("x", b"hello" * 100)
    data = bytearray((tmp_path / "a.zip").read_bytes())
    for mark, place in ((b"PK\1\2", 24), (b"PK\3\4", 22)):
        at = data.rindex(mark) + place
        data[at : at + 4] = declared.to_bytes(4, "little")
    (tmp_path / "a.zip").write_bytes(data)
    (tmp_path / "out").mkdir()
    with pytest.raises(DataError, match="damaged"):
        unpack(tmp_path / "a.zip", tmp_path / "out")
    assert sum(p.stat().st_size for p in (tmp_path / "out").iterdir()) <= 500


def test_a_zip_that_unfolds_into_more_than_it_declares(tmp_path):
    with zipfile.ZipFile(tmp_path / "a.zip", "w", zipfile.ZIP_DEFLATED) as file:
        file.writestr("x", bytes(50_000_000))
    data = bytearray((tmp_path / "a.zip").read_bytes())
    at = data.rindex(b"PK\1\2") + 24
    data[at : at + 4] = (1000).to_bytes(4, "little")
    (tmp_path / "a.zip").write_bytes(data)
    (tmp_path / "out").mkdir()
    tracemalloc.start()
    with pytest.raises(DataError, match="damaged"):
        unpack(tmp_path / "a.zip", tmp_path / "out")
    assert tracemalloc.get_traced_memory()[1] < 40e6  # of 50 MB
    tracemalloc.stop()


@pytest.mark.parametrize("kind", ["zip", "pax", "gnu", "gz"])
def test_bytes_changed_anywhere_end_in_a_sentence(tmp_path, archive, kind):
    path = archive
    if kind != "zip":
        path = tmp_path / "data.tar"
        form = tarfile.GNU_FORMAT if kind == "gnu" else tarfile.PAX_FORMAT
        with tarfile.open(path, "w:gz" if kind == "gz" else "w", format=form) as tar:
            tar.add(tmp_path / "src", "long" * 40)
    good, rng = path.read_bytes(), random.Random(0)
    for k in range(60):
        data = bytearray(good)
        for _ in range(rng.choice([1, 3])):
            near = len(data) if k % 3 else 600  # at the headers, at the listing of a zip
            at = rng.randrange(near) if k % 2 else len(data) - 1 - rng.randrange(near)
            data[at : at + 4] = rng.choice([bytes([rng.randrange(256)]), b"\xff" * 4, b"9999"])
        if kind in ("pax", "gnu"):
            believe(data)
        path.write_bytes(data)
        (out := tmp_path / f"out{k}").mkdir()
        with contextlib.suppress(DataError):
            unpack(path, out)


def believe(data):
    """Right checksums for the changed headers of a tar."""
    for at in range(0, len(data) - 511, 512):
        if data[at + 257 : at + 262] == b"ustar":
            data[at + 148 : at + 156] = b" " * 8
            data[at + 148 : at + 156] = b"%06o\0 " % sum(data[at : at + 512])


def test_folders_without_end(tmp_path):
    with tarfile.open(tmp_path / "a.tar", "w") as tar:
        for k in range(20):
            tar.addfile(tarfile.TarInfo(f"{k}/"), None)
            member = tarfile.TarInfo(f"d{k}")
            member.type = tarfile.DIRTYPE
            tar.addfile(member)
    (tmp_path / "out").mkdir()
    with pytest.raises(DataError, match="more than 30 files"):
        unpack(tmp_path / "a.tar", tmp_path / "out", max_files=30)


def test_only_plain_files_are_archives(home, tmp_path):
    os.mkfifo(tmp_path / "pipe.zip")
    refused("no plain file, but a pipe or a device", NAME, tmp_path / "pipe.zip")
    refused("no plain file, but a pipe or a device", NAME, "/dev/zero")
    (tmp_path / "link.zip").symlink_to("/dev/zero")
    refused("no plain file, but a pipe or a device", NAME, tmp_path / "link.zip")
    path = sparse(tmp_path / "huge.tar", b"", 48 * 10**9)
    refused("is an archive of more than 2 GB", NAME, path)


@pytest.mark.parametrize("record", ["[]", "null", "{}", '{"sha256": 3}', "[" * 10000, "caf"])
def test_a_record_that_is_none(home, archive, record):
    install(NAME, archive)
    (home / NAME / ".installed.json").write_text(record)
    assert "10 pictures" in install(NAME, archive) and left(home) == [NAME]
