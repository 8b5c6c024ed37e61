"""Installing: all or nothing, twice, and from archives that mean harm."""

import errno
import io
import os
import tarfile
import zipfile

import pytest
from support.datasets_samples import make_iccv09
from support.installs import install, left, refused

from minicnn import datasets
from minicnn.datasets import DataError, installing, unpacking
from minicnn.datasets.stanford_background import StanfordBackground
from minicnn.datasets.unpacking import unpack

NAME = "stanford-background"


def test_install_and_again(home, archive):
    assert "does not know" in (said := install(NAME, archive)) and "10 pictures" in said
    assert left(home) == [NAME] and len(datasets.load(NAME).names("train")) == 7
    assert "already installed" in install(NAME, archive) and left(home) == [NAME]
    (home / NAME / "images/0000001.jpg").unlink()
    assert "10 pictures" in install(NAME, archive)
    assert (home / NAME / "images/0000001.jpg").exists() and left(home) == [NAME]


def test_a_known_archive_gets_no_note(home, archive, monkeypatch):
    monkeypatch.setattr(StanfordBackground, "digests", (installing._sha256(archive),))
    assert "note" not in install(NAME, archive)


@pytest.mark.parametrize("mode", ["w", "w:gz", "w:xz"])
def test_tar(home, archive, tmp_path, mode):
    with tarfile.open(tmp_path / "data.tar", mode) as tar:
        tar.add(tmp_path / "src", ".")
    assert "10 pictures" in install(NAME, tmp_path / "data.tar") and left(home) == [NAME]


def test_another_source_replaces(home, archive, tmp_path):
    install(NAME, archive)
    other = make_iccv09(tmp_path / "other", count=12)
    assert "12 pictures" in install(NAME, other)
    assert left(home) == [NAME] and len(list((home / NAME / "images").iterdir())) == 12
    assert "12 pictures" in install(NAME, home / NAME)  # from itself: the same again
    assert left(home) == [NAME]


def test_what_cannot_be_installed(home, archive, tmp_path):
    refused("data install stanford-background --from", NAME)
    refused("no such file", NAME, tmp_path / "none.zip")
    refused("can be installed; ready to use: scenes", "nix", archive)
    refused("scenes needs no files", "scenes", archive)
    (tmp_path / "text.zip").write_text("hello")
    refused("neither a folder nor a zip", NAME, tmp_path / "text.zip")
    (tmp_path / "empty").mkdir()
    refused("does not have the layout", NAME, tmp_path / "empty")
    assert left(home) == []


@pytest.mark.parametrize("keep", [0.3, 0.9, 0.999])
@pytest.mark.parametrize("kind", ["zip", "tar", "tar.gz"])
def test_a_truncated_archive(home, archive, tmp_path, keep, kind):
    path = archive
    if kind != "zip":
        path = tmp_path / f"data.{kind}"
        with tarfile.open(path, "w:gz" if kind == "tar.gz" else "w") as tar:
            for file in sorted((tmp_path / "src").rglob("*.*")):
                tar.add(file, file.relative_to(tmp_path / "src"))
            size = tar.offset
        if kind == "tar":  # without the padding at its end, which nobody misses
            os.truncate(path, size)
    os.truncate(path, int(path.stat().st_size * keep))
    with pytest.raises(DataError):
        datasets.install(NAME, path)
    assert left(home) == []


def test_a_changed_byte(home, archive):
    data = bytearray(archive.read_bytes())
    data[200] ^= 1
    archive.write_bytes(data)
    with pytest.raises(DataError):
        datasets.install(NAME, archive)
    assert left(home) == []


@pytest.mark.parametrize("name", ["../out.txt", "/out.txt", "a/../../out.txt", "..\\out.txt"])
@pytest.mark.parametrize("kind", ["zip", "tar"])
def test_paths_that_leave_the_target(home, archive, tmp_path, name, kind):
    path = archive
    if kind == "zip":
        with zipfile.ZipFile(archive, "a") as file:
            file.writestr(name, "harm")
    else:
        path = tmp_path / "bad.tar"
        with tarfile.open(path, "w") as tar:
            member = tarfile.TarInfo(name)
            member.size = 4
            tar.addfile(member, io.BytesIO(b"harm"))
    refused("would leave the data set", NAME, path)
    assert left(home) == [] and not list(tmp_path.rglob("out.txt"))


@pytest.mark.parametrize(
    "kind", [tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.FIFOTYPE, tarfile.CHRTYPE, tarfile.BLKTYPE]
)
def test_links_and_devices_in_a_tar(home, tmp_path, kind):
    with tarfile.open(tmp_path / "bad.tar", "w") as tar:
        member = tarfile.TarInfo("x")
        member.type, member.linkname = kind, "/etc/passwd"
        tar.addfile(member)
    refused("'x' is a", NAME, tmp_path / "bad.tar")
    assert left(home) == []


@pytest.mark.parametrize("mode", [0o120777, 0o010644, 0o020644])
def test_links_and_devices_in_a_zip(home, archive, mode):
    member = zipfile.ZipInfo("x")
    member.external_attr = mode << 16
    with zipfile.ZipFile(archive, "a") as file:
        file.writestr(member, "/etc/passwd")
    refused("'x' is a", NAME, archive)
    assert left(home) == []


def test_links_in_a_folder(home, tmp_path):
    root = make_iccv09(tmp_path / "src")
    (root / "images/0000099.jpg").symlink_to("0000001.jpg")  # stays inside: copied
    assert "11 pictures" in install(NAME, root)
    assert not (home / NAME / "images/0000099.jpg").is_symlink()
    for link, target in (("x", "/etc/passwd"), ("x", "nowhere"), ("x", "images")):
        (root / link).symlink_to(target)
        refused("'x' is a", NAME, root)
        (root / link).unlink()
    os.mkfifo(root / "x")
    refused("'x' is a", NAME, root)
    assert left(home) == [NAME]


def test_limits(home, tmp_path, monkeypatch):
    with zipfile.ZipFile(tmp_path / "bomb.zip", "w", zipfile.ZIP_DEFLATED) as file:
        for i in range(4):
            file.writestr(f"{i}", bytes(10**6))
    (tmp_path / "out").mkdir()
    with pytest.raises(DataError, match="more than 0.002 GB"):
        unpack(tmp_path / "bomb.zip", tmp_path / "out", max_bytes=2 * 10**6)
    (tmp_path / "out2").mkdir()
    with pytest.raises(DataError, match="more than 3 files"):
        unpack(tmp_path / "bomb.zip", tmp_path / "out2", max_files=3)


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_a_name_twice(home, archive):
    with zipfile.ZipFile(archive, "a") as file:
        file.writestr("iccv09Data/images/0000001.jpg", "again")
    refused("holds 0000001.jpg twice", NAME, archive)


class Full(io.BytesIO):
    def write(self, data):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def test_a_full_disk(home, archive, monkeypatch):
    def open_full(path, mode="r"):
        return Full() if "x" in mode else open(path, mode)

    install(NAME, archive)
    (home / NAME / "horizons.txt").unlink()  # so that it has reason to install again
    monkeypatch.setattr(unpacking, "open", open_full, raising=False)
    refused("is full; make room", NAME, archive)
    assert left(home) == [NAME] and len(datasets.load(NAME).names("train")) == 7


def test_a_rename_that_fails_leaves_the_old_one(home, archive, monkeypatch):
    install(NAME, archive)
    (home / NAME / "horizons.txt").unlink()
    rename = os.rename

    def refuse(source, target):
        if str(source).endswith("iccv09Data"):
            raise PermissionError(errno.EPERM, os.strerror(errno.EPERM), str(source))
        rename(source, target)

    monkeypatch.setattr(os, "rename", refuse)
    refused("was not installed", NAME, archive)
    assert left(home) == [NAME] and not (home / NAME / "horizons.txt").exists()


def test_an_interrupt_leaves_nothing_and_the_remains_of_a_kill_are_cleared(home, archive):
    def interrupted(line):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        datasets.install(NAME, archive, say=interrupted)
    assert left(home) == []
    (home / ".installing-abc").mkdir()
    install(NAME, archive)
    assert left(home) == [NAME]


def test_a_home_that_cannot_be(tmp_path, archive, monkeypatch):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("MINICNN_DATA", str(tmp_path / "file"))
    refused("was not installed", NAME, archive)
