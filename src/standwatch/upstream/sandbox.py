"""The command that starts a server where it sees little: bubblewrap around `standwatch/confined.py`.

What is visible is listed, not what is hidden: the system's programs, libraries and certificates, the installation of
the command itself, its `cwd`, and what the manifest names. No home, no /run, no temporary folder of anybody else's, no
other process, and no network but the declared hosts. Those have addresses of their own on the server's loopback,
where a relay takes each connection to the gateway (`egress`), which makes it: so no client of theirs must know
of a proxy, and no name is resolved inside.
"""

from __future__ import annotations

import json
import os
import platform
import shutil
import sys
from pathlib import Path
from typing import Any, Final

import msgspec

from standwatch import confined
from standwatch.facts.sandbox import Sandbox
from standwatch.upstream.stdio import CannotStart, Launch

SYSTEM: Final = ("/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/opt/homebrew")
SETTINGS: Final = (
    "/etc/alternatives", "/etc/ca-certificates", "/etc/fonts", "/etc/gai.conf", "/etc/group", "/etc/ld.so.cache",
    "/etc/ld.so.conf", "/etc/ld.so.conf.d", "/etc/localtime", "/etc/magic", "/etc/mime.types", "/etc/nsswitch.conf",
    "/etc/passwd", "/etc/pki", "/etc/protocols", "/etc/services", "/etc/ssl/certs", "/etc/ssl/openssl.cnf",
    "/etc/timezone",
)  # fmt: skip
"""Of /etc: what programs need to run, and nothing that is kept from others there."""
INSIDE: Final = "/run/standwatch"
TEMPORARY: Final = "/tmp"  # noqa: S108
HOME: Final = f"{TEMPORARY}/home"
_SCRIPT: Final = f"{INSIDE}/confined.py"


class Way(msgspec.Struct, frozen=True):
    """The gateway's end of the way out: a folder with its socket, and the hosts it connects to, in their order."""

    folder: Path
    hosts: tuple[tuple[str, int], ...]


def missing(sandbox: Sandbox) -> str:
    """Which promised layer this machine does not have, and what to do; "" where all are there."""
    if sys.platform != "linux":
        return f"there is no sandbox on {sys.platform}: say `sandbox: none`, or run it elsewhere and give its url"
    for layer in sandbox.layers:
        match layer:
            case "namespaces" if shutil.which("bwrap") is None:
                return "bubblewrap is not installed: apt-get install bubblewrap (or dnf, apk)"
            case "landlock" if not confined.landlock_version():
                return "this kernel has no Landlock: leave it out of `layers`, or boot with lsm=…,landlock"
            case "seccomp" if not confined.seccomp_program(platform.machine(), network=True):
                return f"no seccomp filter is made for {platform.machine()}: leave it out of `layers`"
            case _:
                pass
    return ""


def confine(
    what: Launch,
    sandbox: Sandbox,
    organisation: Path,
    *,
    hidden: tuple[Path, ...] = (),
    way: Way | None = None,
) -> Launch:
    """`what`, started in `sandbox`; the folders `hidden` are empty there whatever is declared.

    Raises `CannotStart` where a promised layer is missing or a declared path is not there: a server never runs with
    less.
    """
    if absent := missing(sandbox):
        raise CannotStart(f"the sandbox that {what.command[0]} is promised cannot be had: {absent}")
    _steady(what, sandbox, organisation)
    reads = [_there(organisation / one) for one in sandbox.reads]
    writes = [_there(organisation / one) for one in sandbox.writes]
    if what.folder.resolve() != organisation.resolve():
        reads.append(
            _there(what.folder)
        )  # a `cwd` that is declared; the organisation's own folder is no server's
    namespaces = "namespaces" in sandbox.layers
    within = [one for one in hidden if any(one.is_relative_to(place) for place in (*reads, *writes, *SYSTEM))]
    if within and not namespaces:
        raise CannotStart(
            f"the sandbox names a folder with {within[0]} in it, which only namespaces can hide"
        )
    program = _program(what)
    reads += [*_installation(program), *_installation(Path(sys.executable))]
    kept = [*SYSTEM, *SETTINGS, *reads]
    plan: dict[str, Any] = {
        "reads": [
            *kept,
            "/proc",
            "/sys/devices/system/cpu",
            "/dev",
            INSIDE,
            *(["/etc/hosts"] if way else ()),
        ],
        "writes": [
            *writes,
            *((TEMPORARY, "/dev/shm") if namespaces else ()),  # noqa: S108
            "/dev/null",
            "/dev/zero",
            "/dev/full",
        ],
        "landlock": "landlock" in sandbox.layers,
        "seccomp": "seccomp" in sandbox.layers,
        "network": namespaces,
        "relay": None if way is None else {"socket": f"{INSIDE}/egress/socket", "hosts": _addresses(way)},
    }
    script = _SCRIPT if namespaces else confined.__file__
    inner = (sys.executable, "-I", "-S", script, json.dumps(plan), str(program), *what.command[1:])
    if not namespaces:
        return msgspec.structs.replace(what, command=inner)
    outer = _bubble(kept, writes, within, what.folder, way)
    environment = {**what.environment, "HOME": HOME, "TMPDIR": TEMPORARY}
    return Launch((*outer, *inner), environment, what.folder)


def _bubble(
    reads: list[str], writes: list[str], hidden: list[Path], folder: Path, way: Way | None
) -> tuple[str, ...]:
    bwrap = shutil.which("bwrap") or "bwrap"
    words = [bwrap, "--unshare-all", "--die-with-parent", "--new-session", "--cap-drop", "ALL"]
    if way is not None:  # for the relay's low ports, in its own network; gone before the command runs
        words += ["--cap-add", "CAP_NET_BIND_SERVICE"]
    words += ["--proc", "/proc", "--dev", "/dev", "--tmpfs", TEMPORARY, "--dir", HOME, "--tmpfs", "/run"]
    bound: list[str] = []
    for place in sorted({*reads, "/sys/devices/system/cpu"}):
        if any(Path(place).is_relative_to(one) for one in bound):
            continue
        if os.path.islink(place):
            words += ["--symlink", os.readlink(place), place]
        elif os.path.exists(place):
            words += ["--ro-bind", place, place]
            bound.append(place)
    for place in sorted(set(writes)):
        words += ["--bind", place, place]
    for place in hidden:
        words += ["--tmpfs", str(place)]
    words += ["--ro-bind", confined.__file__, _SCRIPT]
    if way is not None:
        words += [
            "--ro-bind",
            str(way.folder),
            f"{INSIDE}/egress",
            "--ro-bind",
            str(way.folder / "hosts"),
            "/etc/hosts",
        ]
    return (*words, "--dir", str(folder.resolve()), "--chdir", str(folder.resolve()), "--")


def _addresses(way: Way) -> list[tuple[str, int]]:
    return [(address(name, way.hosts), port) for name, port in way.hosts]


def address(name: str, hosts: tuple[tuple[str, int], ...]) -> str:
    """Where host `name` seems to be, inside: an address of its own in 127.0.1.0/24; loopback is where it is."""
    if name.startswith("127."):
        return name
    names = list(dict.fromkeys(one for one, _ in hosts))
    return "127.0.0.1" if name == "localhost" else f"127.0.1.{names.index(name) + 1}"


def _steady(what: Launch, sandbox: Sandbox, organisation: Path) -> None:
    """INVARIANT: nothing that is let in stands where the server can write: it would put a link to anything there, and
    be let in to that at its next start."""
    given = [organisation / one for one in (*sandbox.reads, *sandbox.writes)]
    for path in (*given, what.folder, _program(what)):
        for folder in (organisation / one for one in sandbox.writes):
            for root in (Path(os.path.abspath(folder)), folder.resolve()):
                if root in Path(os.path.abspath(path)).parents:
                    raise CannotStart(
                        f"the sandbox names {path}, which the server could exchange: it writes in {root}"
                    )


def _there(path: Path) -> str:
    found = path.resolve()
    if not found.exists():
        raise CannotStart(f"the sandbox names {path}, which is not there")
    return str(found)


def _program(what: Launch) -> Path:
    named = what.command[0]
    if os.sep in named:
        return what.folder / named
    found = shutil.which(named, path=what.environment.get("PATH"))
    if found is None:
        raise CannotStart(f"cannot start {named}: no such program in PATH")
    return Path(found)


def _installation(program: Path) -> list[str]:
    """What a program in somebody's own place needs to run: its environment's and its interpreter's folders, along the
    links that lead there; of a prefix (`~/.local`) only what holds programs."""
    found: list[str] = []
    at = program.absolute()
    for _ in range(16):
        if not any(at.is_relative_to(place) for place in SYSTEM):
            found.append(str(at))
            root = at.parent.parent
            if at.parent.name == "shims":  # pyenv and its like start another program, with their own scripts
                found.append(str(root))
            elif at.parent.name == "bin":
                found += [str(root / one) for one in PREFIX if (root / one).exists()]
        if not at.is_symlink():
            break
        at = at.parent / at.readlink()
    return list(dict.fromkeys(found))


PREFIX: Final = ("bin", "lib", "lib64", "libexec", "pyvenv.cfg")
