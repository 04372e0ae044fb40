"""A real Chromium without a screen, spoken to by its own protocol over two pipes (no port, no library)."""

import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from base64 import b64decode
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Any

import pytest

_KEYS = {"Tab": 9, "Enter": 13, "Escape": 27, "F8": 119, " ": 32}
NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")


def chromium() -> str:
    """The program; skips where there is none."""
    found = next((path for name in NAMES if (path := shutil.which(name))), None)
    if found is None:
        pytest.skip("no chromium here: on Debian, apt-get install chromium")
    return found


class Page:
    """One page of a browser of its own, with a virtual authenticator (CDP `WebAuthn`)."""

    def __init__(self) -> None:
        self._folder = tempfile.TemporaryDirectory(prefix="chromium-")
        ours, theirs = os.pipe(), os.pipe()
        flags = "--headless=new --no-sandbox --no-first-run --disable-gpu --disable-dev-shm-usage"
        quiet = "--disable-background-networking --disable-component-update --disable-sync"
        # The browser reads commands from 3 and answers on 4; pipes of ours may have any number above.
        become = "import os, sys; a, b = map(int, sys.argv[1:3]); os.dup2(a, 3); os.dup2(b, 4); "
        become += "os.execv(sys.argv[3], sys.argv[3:])"
        self._process = subprocess.Popen(
            [sys.executable, "-c", become, str(ours[0]), str(theirs[1]), chromium(), *flags.split(),
             *quiet.split(), "--remote-debugging-pipe", f"--user-data-dir={self._folder.name}", "about:blank"],
            pass_fds=(ours[0], theirs[1]),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )  # fmt: skip
        os.close(ours[0])
        os.close(theirs[1])
        self._to, self._from = os.fdopen(ours[1], "wb", 0), os.fdopen(theirs[0], "rb")
        self._number, self._left, self._session = 0, b"", ""
        self.events: list[dict[str, Any]] = []
        """What the browser told without being asked, of the domains that were enabled."""
        target = self("Target.createTarget", url="about:blank")["targetId"]
        self._session = self("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        self("Page.enable")
        self("WebAuthn.enable")

    def __call__(self, method: str, **params: Any) -> Any:
        """The result of one command; raises `RuntimeError` with what the browser says."""
        self._number += 1
        message: dict[str, Any] = {"id": self._number, "method": method, "params": params}
        if self._session:
            message["sessionId"] = self._session
        self._to.write(json.dumps(message).encode() + b"\0")
        while True:
            answer = self._next()
            if answer.get("id") == self._number:
                if "error" in answer:
                    raise RuntimeError(f"{method}: {answer['error']}")
                return answer["result"]
            if "method" in answer:
                self.events.append(answer)

    def _next(self) -> dict[str, Any]:
        while b"\0" not in self._left:
            data = self._from.read1(1 << 16)
            if not data:
                raise RuntimeError("the browser has gone")
            self._left += data
        message, _, self._left = self._left.partition(b"\0")
        return json.loads(message)

    def open(self, url: str) -> None:
        """Go there and wait until it is loaded."""
        self("Page.navigate", url=url)
        while self.run("document.readyState") != "complete" or self.run("location.origin") not in url:
            pass

    def run(self, script: str) -> Any:
        """The value of `script`, awaited, as with a gesture of the user; None where the page went meanwhile. Raises
        `RuntimeError` for an exception."""
        asked = {"expression": script, "awaitPromise": True, "returnByValue": True, "userGesture": True}
        until = time.monotonic() + 30
        while True:
            try:
                found = self("Runtime.evaluate", **asked)
                break
            except RuntimeError as error:
                if any(said in str(error) for said in ("navigated or closed", "context was destroyed")):
                    return None
                # Nothing was run: one page has gone, and the next is not there yet.
                if "Cannot find" not in str(error) or "context" not in str(error) or time.monotonic() > until:
                    raise
        if "exceptionDetails" in found:
            raise RuntimeError(str(found["exceptionDetails"]["exception"].get("description", "")))
        return found["result"].get("value")

    def view(self, width: int = 1280, height: int = 900, *, touch: bool = False) -> None:
        """The size of the window, in CSS pixels; as of a phone with `touch`."""
        self(
            "Emulation.setDeviceMetricsOverride",
            width=width,
            height=height,
            deviceScaleFactor=1,
            mobile=touch,
        )
        self("Emulation.setTouchEmulationEnabled", enabled=touch)

    def media(self, kind: str = "", **features: str) -> None:
        """Media queries: `kind` is `print` or `screen`, features are as `prefers_color_scheme="dark"`."""
        named = [{"name": name.replace("_", "-"), "value": value} for name, value in features.items()]
        self("Emulation.setEmulatedMedia", media=kind, features=named)

    def headers(self, **named: str) -> None:
        """Headers that go with every request of the page."""
        self("Network.enable")
        self("Network.setExtraHTTPHeaders", headers=named)

    def screenshot(self, file: Path, *, whole: bool = False) -> None:
        """A PNG of what is seen; of the whole page where `whole`."""
        shot = self("Page.captureScreenshot", format="png", captureBeyondViewport=whole)
        file.write_bytes(b64decode(shot["data"]))

    def press(self, key: str, code: str = "", modifiers: int = 0, text: str = "") -> None:
        """A key, down and up. `modifiers`: 1 Alt, 2 Ctrl, 4 Meta, 8 Shift. `text` is what it types."""
        pressed: dict[str, Any] = {"key": key, "code": code or key, "modifiers": modifiers}
        pressed["windowsVirtualKeyCode"] = _KEYS.get(key, ord(key[0].upper()) if key else 0)
        self("Input.dispatchKeyEvent", type="keyDown", text=text, **pressed)
        self("Input.dispatchKeyEvent", type="keyUp", **pressed)

    def authenticator(self, **changes: Any) -> str:
        """A platform authenticator that verifies its user; its id."""
        options = {
            "protocol": "ctap2",
            "transport": "internal",
            "hasResidentKey": True,
            "hasUserVerification": True,
            "isUserVerified": True,
            "automaticPresenceSimulation": True,
        }
        return self("WebAuthn.addVirtualAuthenticator", options=options | changes)["authenticatorId"]

    def create(self, options: dict[str, Any]) -> dict[str, Any]:
        """`navigator.credentials.create`, options and credential as JSON."""
        return self.run(
            "navigator.credentials.create({publicKey: PublicKeyCredential.parseCreationOptionsFromJSON("
            f"{json.dumps(options)})}}).then(made => made.toJSON())"
        )

    def get(self, options: dict[str, Any]) -> dict[str, Any]:
        """`navigator.credentials.get`, likewise."""
        return self.run(
            "navigator.credentials.get({publicKey: PublicKeyCredential.parseRequestOptionsFromJSON("
            f"{json.dumps(options)})}}).then(made => made.toJSON())"
        )

    def close(self) -> None:
        self._process.kill()
        self._process.wait()
        self._to.close()
        self._from.close()
        shutil.rmtree(Path(self._folder.name), ignore_errors=True)

    def __enter__(self) -> "Page":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, it: BaseException | None, at: TracebackType | None
    ) -> None:
        self.close()


@contextmanager
def page() -> Iterator[Page]:
    """A page, closed at the end."""
    with Page() as found:
        yield found
