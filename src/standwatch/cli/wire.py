"""The CLI's way to a running server: HTTP over the organisation's 0600 Unix socket."""

from __future__ import annotations

import http.client
import json
import os
import re
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final, cast
from urllib.parse import quote, urlencode

from standwatch.facts.errors import Forbidden, StandwatchError

SOCKET: Final = "control.sock"
_LONGEST: Final = 100  # bytes of a socket's path that every system takes
_STORE: Final = re.compile(
    r"^\s*(?:store:\s*\{\s*)?sqlite:\s*['\"]?([^'\"}#\n]+?)['\"]?\s*(?:[}#].*)?$", re.MULTILINE
)


class Unreachable(StandwatchError):
    """No server answers on the organisation's socket."""

    code = "unreachable"


class Refused(StandwatchError):
    """The server said no: its code, sentence, reference and cure, and the HTTP status."""

    def __init__(self, status: int, problem: dict[str, Any]) -> None:
        super().__init__(
            str(problem.get("message", f"the server answered {status}")),
            code=str(problem.get("code", "error")),
            cure=str(problem.get("cure", "")),
            reference=str(problem.get("reference", "")),
        )
        self.status = status


def organisation(folder: str) -> Path:
    """The organisation's folder. Raises `StandwatchError` (`no_organisation`) where there is none."""
    path = Path(folder)
    if not ((path / "standwatch.yaml").is_file() or (path / "state").is_dir()):
        raise StandwatchError(
            f"there is no organisation in {path.resolve()}",
            code="no_organisation",
            cure="standwatch --org DIR …, or standwatch init",
        )
    return path


def state_folder(org: Path) -> Path:
    """Where the organisation keeps its record and its socket: `store: {sqlite: …}`, by default `state`.

    Read with one pattern, so that `halt` starts in a moment and works whatever else the file says.
    """
    try:
        found = _STORE.search((org / "standwatch.yaml").read_text(encoding="utf-8", errors="replace"))
    except OSError:
        found = None
    return org / (found[1].strip() if found else "state")


class Server:
    """The running server of one organisation. Raises `Unreachable` where nobody answers, `Refused` for a no."""

    def __init__(self, org: Path, timeout: float = 30.0) -> None:
        self.path = state_folder(org) / SOCKET
        self._timeout = timeout

    def get(self, path: str, **query: str) -> Any:
        """The JSON answer to a GET below `/api/v1`; empty parameters are left out."""
        kept = {name: value for name, value in query.items() if value}
        return self._json("GET", "/api/v1" + path + ("?" + urlencode(kept) if kept else ""))

    def post(self, path: str, body: object = None) -> Any:
        """The JSON answer to a POST below `/api/v1`."""
        return self._json("POST", "/api/v1" + path, body)

    def raw(self, path: str) -> bytes:
        """The bytes at `path`, such as `/log/checkpoint`."""
        with _Open(self, "GET", path) as answer:
            return answer.read()

    def stream(self, path: str) -> Iterator[bytes]:
        """The bytes at `path`, as they come."""
        with _Open(self, "GET", path) as answer:
            while piece := answer.read1(65_536):
                yield piece

    def _json(self, method: str, path: str, body: object = None) -> Any:
        with _Open(self, method, path, body) as answer:
            try:
                return json.loads(answer.read())
            except ValueError:
                raise Unreachable("what listens on the socket does not speak JSON") from None

    def connect(self) -> socket.socket:
        """A connection to the socket. Raises `Unreachable`."""
        connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        connection.settimeout(self._timeout)
        folder = -1
        try:
            address = str(self.path)
            if len(os.fsencode(address)) > _LONGEST:  # sun_path is short; a folder's descriptor is shorter
                folder = os.open(self.path.parent, os.O_RDONLY | os.O_DIRECTORY)
                address = f"/proc/self/fd/{folder}/{self.path.name}"
            connection.connect(address)
        except PermissionError:
            connection.close()
            owner = _owner(self.path)
            raise Forbidden(
                f"{self.path} is open to the account {owner} alone",
                cure=f"sudo -u {owner} standwatch …, or the operators' address with a token of yours",
            ) from None
        except OSError as error:
            connection.close()
            raise Unreachable(
                f"no server answers on {self.path} ({error.strerror or error})", cure="standwatch up"
            ) from None
        finally:
            if folder >= 0:
                os.close(folder)
        return connection


class _Connection(http.client.HTTPConnection):
    def __init__(self, server: Server) -> None:
        super().__init__("localhost")
        self._server = server

    def connect(self) -> None:
        self.sock = self._server.connect()


class _Open:
    """One request: its answer inside `with`, errors as exceptions, the connection closed behind it."""

    def __init__(self, server: Server, method: str, path: str, body: object = None) -> None:
        self._connection = _Connection(server)
        self._request = (method, path, None if body is None else json.dumps(body).encode())

    def __enter__(self) -> http.client.HTTPResponse:
        method, path, body = self._request
        try:
            self._connection.request(method, path, body, {"Content-Type": "application/json"} if body else {})
            answer = self._connection.getresponse()
            if answer.status < 400:
                return answer
            problem = _problem(answer.read())
        except Unreachable:
            raise
        except (OSError, http.client.HTTPException) as error:
            self._connection.close()
            raise Unreachable(f"the server stopped answering ({error})", cure="standwatch diagnose") from None
        self._connection.close()
        raise Refused(answer.status, problem)

    def __exit__(self, *_: object) -> None:
        self._connection.close()


def _problem(data: bytes) -> dict[str, Any]:
    try:
        found = json.loads(data)
    except ValueError:
        return {}
    return cast("dict[str, Any]", found) if isinstance(found, dict) else {}


def segment(text: str) -> str:
    """`text` as one segment of a path."""
    return quote(text, safe="")


def _owner(path: Path) -> str:
    """The account that owns the socket, or the nearest folder above it that can be looked at."""
    import pwd

    for place in (path, *path.parents):
        try:
            return pwd.getpwuid(place.stat().st_uid).pw_name
        except (OSError, KeyError):
            continue
    return "of the server"
