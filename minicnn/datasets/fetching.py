"""Fetching the official archive of a data set.

A server may be slow, silent, endless, gone, or somebody else's by now. So what it may send is
limited in bytes and in time, another host than the one asked is not followed, and nothing counts
until all of it is there and its checksum, where one is known, is right: the file lies in a folder
that goes away with whatever fails. A download that was cut begins again from its start.
"""

import contextlib
import errno
import http.client
import os
import shutil
import sys
import time
from urllib.parse import urlsplit

from minicnn.datasets.dataset import DataError
from minicnn.datasets.unpacking import MAX_BYTES

CHUNK = 1 << 16
SILENCE = 30  # seconds in which a server has to say something
PATIENCE, SLOW = 60, 1_000  # after this many seconds: bytes a second below which it will never end


def offline():
    """Whether the user wants nothing to be fetched: MINICNN_OFFLINE is set, and not 0."""
    return os.environ.get("MINICNN_OFFLINE", "0") not in ("", "0")


def size_of(archive):
    """The bytes that the server announces for an Archive, or None. Raises DataError."""
    with _sentences(archive.url), _request("HEAD", archive.url) as response:
        if response.status_code in (http.client.METHOD_NOT_ALLOWED, http.client.NOT_IMPLEMENTED):
            return None
        _check_status(response, archive.url)
        return _announced(response, archive.url)


def fetch(archive, folder):
    """Fetches an Archive into `folder`; returns its path. Raises DataError if it does not arrive
    whole, and OSError if the disk is full; what is left in `folder` then is worth nothing."""
    import pooch

    pooch.get_logger().setLevel("ERROR")
    known = f"md5:{archive.md5}" if archive.md5 else None
    name = os.path.basename(urlsplit(archive.url).path)
    with _sentences(archive.url):
        try:
            path = pooch.retrieve(archive.url, known, name, folder, downloader=_download)
        except DataError:  # a ValueError, as is pooch's of a wrong checksum
            raise
        except ValueError as error:
            raise DataError(
                f"{archive.url}: what arrived is not the official file, for its checksum is "
                "another; try again, and if that does not help get the archive in another way, "
                "and name it with --from"
            ) from error
    return path


def _download(url, target, _):
    """What pooch calls: writes the file at `url` to the path `target`."""
    from tqdm.std import tqdm

    with _request("GET", url) as response:
        _check_status(response, url)
        total = _announced(response, url)
        if total and shutil.disk_usage(os.path.dirname(target)).free < total:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))  # before an hour is lost
        if "html" in response.headers.get("Content-Type", ""):
            raise DataError(f"{url}: the server sends a web page where an archive should be")
        read = getattr(response.raw, "read1", response.raw.read)  # read1 does not wait for more
        bar = tqdm(total=total, unit="B", unit_scale=True, leave=False, disable=_unwatched())
        with open(target, "wb") as file, bar:
            got, start = 0, time.monotonic()
            while chunk := read(CHUNK):
                file.write(chunk)
                bar.update(len(chunk))
                got += len(chunk)
                if got > (total or MAX_BYTES):
                    most = f"{total} bytes that it announced" if total else f"{MAX_BYTES} bytes"
                    raise DataError(f"{url}: the server sends more than the {most}")
                seconds = time.monotonic() - start
                if seconds > PATIENCE and got < SLOW * seconds:
                    raise DataError(
                        f"{url}: the server sends only {got / seconds:.0f} bytes a second, which "
                        "would never end; try again later"
                    )
        if total is not None and got != total:
            raise _cut(url, f"after {got} of {total} bytes")


def _unwatched():
    return not sys.stderr.isatty()


def _request(method, url):
    """The response to a request, its body not yet read, of this host alone."""
    import requests

    def stay(response, **_):
        asked = urlsplit(url).hostname
        target = response.headers.get("Location", "") if response.is_redirect else ""
        if (urlsplit(target).hostname or asked) != asked:
            response.close()
            raise DataError(
                f"{url}: the server sends us on to another host ({target}), which is not "
                "followed; look at it in a browser, and name the archive with --from"
            )

    return requests.request(
        method,
        url,
        stream=True,
        allow_redirects=True,
        timeout=SILENCE,
        headers={"Accept-Encoding": "identity"},  # the file's own bytes, and their number
        hooks={"response": stay},
    )


def _check_status(response, url):
    code = response.status_code
    if code != http.client.OK:
        gone = " (the file is no longer there)" if code in (404, 410) else ""
        why = f"{code} {response.reason or ''}".strip()
        raise DataError(f"{url}: the server answers {why}{gone}; or name an archive with --from")


def _announced(response, url):
    """Its Content-Length, or None. Raises DataError for more than may be installed."""
    text = response.headers.get("Content-Length", "")
    if not text.isdecimal():
        return None
    if int(text) > MAX_BYTES:
        raise DataError(f"{url}: is announced with {text} bytes, more than {MAX_BYTES / 1e9:g} GB")
    return int(text)


def _cut(url, when):
    return DataError(f"{url}: the connection was cut {when}; nothing was installed, so try again")


@contextlib.contextmanager
def _sentences(url):
    """Inside, what can happen to a connection becomes a DataError."""
    import requests
    import urllib3

    try:
        yield
    except (requests.Timeout, urllib3.exceptions.TimeoutError) as error:
        raise DataError(
            f"{url}: the server was silent for {SILENCE} seconds; try again later"
        ) from error
    except (requests.TooManyRedirects, requests.exceptions.InvalidURL) as error:
        raise DataError(f"{url}: the server sends us in circles ({error})") from error
    except (requests.ConnectionError, urllib3.exceptions.NewConnectionError) as error:
        raise DataError(
            f"{url}: cannot be reached; is this machine on the network? Or get the archive in "
            "another way, and name it with --from"
        ) from error
    except (requests.RequestException, urllib3.exceptions.HTTPError) as error:
        raise _cut(url, "on the way") from error
