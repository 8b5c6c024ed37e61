"""Fetching an archive, from a server on this machine that may do anything."""

import errno
import hashlib
import http.server
import io
import os
import threading

import pytest
from support.installs import left

from minicnn import cli, datasets
from minicnn.datasets import DataError, fetching, official
from minicnn.datasets.registry import INSTALLABLE

NAME = "stanford-background"


class Server(http.server.ThreadingHTTPServer):
    """Answers with `data` as its path says; counts the requests for whole files."""

    daemon_threads = True

    def __init__(self, data):
        super().__init__(("127.0.0.1", 0), Handler)
        self.data, self.gets, self.ended = data, 0, threading.Event()
        self.url = f"http://127.0.0.1:{self.server_port}"


class Handler(http.server.BaseHTTPRequestHandler):
    def log_message(self, *arguments):
        pass

    def do_HEAD(self):
        self._begin()

    def do_GET(self):
        self.server.gets += 1
        data = self.server.data
        if not self._begin():
            return
        if self.path == "/cut" and self.server.gets == 1:
            self.wfile.write(data[: len(data) // 2])
        elif self.path == "/silent":
            self.wfile.write(data[:10])
            self.wfile.flush()
            self.server.ended.wait(5)
        elif self.path == "/drip":
            while not self.server.ended.wait(0.02):
                self.wfile.write(b"x")
        elif self.path == "/endless":
            while not self.server.ended.is_set():
                self.wfile.write(bytes(10_000))
        else:
            self.wfile.write(data)

    def _begin(self):
        """Sends status and headers; whether a body follows."""
        path, to = self.path, ""
        if path == "/moved":
            to = self.server.url + "/data.zip"
        elif path == "/away":
            to = f"http://localhost:{self.server.server_port}/data.zip"
        elif path == "/circle":
            to = self.server.url + "/circle"
        self.send_response(404 if path == "/gone" else 302 if to else 200)
        if to:
            self.send_header("Location", to)
        if path == "/page":
            self.send_header("Content-Type", "text/html; charset=utf-8")
        if path not in ("/endless", "/drip", "/nosize"):
            self.send_header("Content-Length", 10**12 if path == "/huge" else len(self.server.data))
        self.end_headers()
        return not to and path != "/gone"


@pytest.fixture
def server(archive):
    server = Server(archive.read_bytes())
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    yield server
    server.ended.set()
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture
def serve(server, home, monkeypatch):
    """A function that makes a path of the server the official archive."""
    monkeypatch.delenv("MINICNN_OFFLINE", raising=False)
    monkeypatch.setenv("NO_PROXY", "127.0.0.1,localhost")

    def serve(path, pictures=10, md5=None):
        archive = official.Archive(server.url + path, pictures, md5)
        monkeypatch.setitem(official.ARCHIVES, NAME, archive)

    return serve


def fetch(agree=lambda: True):
    said = []
    datasets.install(NAME, say=said.append, agree=agree)
    return "\n".join(said)


def refused(home, text, **options):
    with pytest.raises(DataError) as caught:
        fetch(**options)
    assert text in str(caught.value) and "\n" not in str(caught.value), str(caught.value)
    assert left(home) == []


@pytest.mark.parametrize("path", ["/data.zip", "/moved", "/nosize"])
def test_fetched_and_installed(home, serve, server, path):
    serve(path)
    said = fetch()
    assert "no checksum of this file is known" in said and "10 pictures installed" in said
    assert said.index("terms:") < said.index("checksum")
    assert ("does not say how much" in said) == (path == "/nosize")
    assert left(home) == [NAME] and len(datasets.load(NAME).names("train")) == 7
    assert "already installed" in fetch() and server.gets == 1 + (path == "/moved")


def test_a_checksum(home, serve, server):
    serve("/data.zip", md5="0" * 32)
    refused(home, "its checksum is another")
    serve("/data.zip", md5=hashlib.md5(server.data).hexdigest())
    assert "checksum is that of the official file" in fetch() and left(home) == [NAME]


def test_a_cut_connection_and_then_anew(home, serve):
    serve("/cut")
    refused(home, "the connection was cut")
    assert "10 pictures installed" in fetch() and left(home) == [NAME]


@pytest.mark.parametrize(
    "path, text",
    [
        ("/gone", "the server answers 404 Not Found (the file is no longer there)"),
        ("/away", "sends us on to another host (http://localhost:"),
        ("/circle", "in circles"),
        ("/page", "a web page"),
        ("/huge", "more than 2 GB"),
        ("/endless", "sends more than the 200000 bytes"),
        ("/silent", "was silent for 0.2 seconds"),
        ("/drip", "bytes a second, which would never end"),
    ],
)
def test_what_a_server_may_do(home, serve, monkeypatch, path, text):
    monkeypatch.setattr(fetching, "SILENCE", 0.2)
    monkeypatch.setattr(fetching, "PATIENCE", 0.1)
    if path == "/endless":
        monkeypatch.setattr(fetching, "MAX_BYTES", 200_000)
    serve(path)
    refused(home, text)


def test_nobody_there(home, serve, server, monkeypatch):
    serve("/data.zip")
    server.server_close()
    server.ended.set()
    refused(home, "cannot be reached")


def test_no_archive_and_another_number_of_pictures(home, serve, server):
    serve("/data.zip", pictures=715)
    refused(home, "holds 10 pictures, not 715")
    server.data = b"hello" * 100
    refused(home, "neither a folder nor a zip")


def test_no_disk(home, serve, monkeypatch):
    serve("/data.zip")
    usage = lambda path: type("Usage", (), {"free": 10})  # noqa: E731
    with monkeypatch.context() as m:
        m.setattr(fetching.shutil, "disk_usage", usage)
        refused(home, "is full; make room")

    def full(path, mode):  # in the middle
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(fetching, "open", full, raising=False)
    refused(home, "is full; make room")


def test_ctrl_c(home, serve, monkeypatch, capsys):
    class Interrupted(io.BytesIO):
        def write(self, data):
            raise KeyboardInterrupt

    serve("/data.zip")
    monkeypatch.setattr(fetching, "open", lambda *_: Interrupted(), raising=False)
    assert cli.main(["data", "install", NAME, "--yes"]) == 130
    assert capsys.readouterr().err == "minicnn: stopped\n" and left(home) == []


def test_somebody_has_to_agree(home, serve, server, capsys, monkeypatch):
    serve("/data.zip")
    refused(home, "would be fetched: agree", agree=None)
    refused(home, "was not fetched", agree=lambda: False)
    assert cli.main(["data", "install", NAME]) == 2
    said = capsys.readouterr()
    assert "MB" in said.out and "terms: no licence is stated" in said.out and "--yes" in said.err
    monkeypatch.setenv("MINICNN_OFFLINE", "1")
    refused(home, "MINICNN_OFFLINE is set")
    assert server.gets == 0


def test_every_data_set_is_fetched_or_says_why_not(home):
    for name in set(INSTALLABLE) - set(official.ARCHIVES):
        assert name in official.BY_HAND
        with pytest.raises(DataError, match=f"^{name} .*: get it from .* --from ARCHIVE_OR_FOLDER"):
            datasets.install(name, agree=lambda: True)
