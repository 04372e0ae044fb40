"""No file of the repository names a package registry or a path of the machine it was written on."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

ROOT = Path(__file__).parents[3]

# Spelled in pieces, so that this file passes its own test.
FORBIDDEN = [
    "pypi" + r"\.(?:org|python\.org)",
    "python" + r"hosted\.org",
    "registry" + r"\.npmjs",
    "npmjs" + r"\.(?:com|org)",
    "registry" + r"\.yarnpkg",
    "deb" + r"\.debian\.org",
    "archive" + r"\.ubuntu\.com",
    "proxy" + r"\.golang\.org",
    "sum" + r"\.golang\.org",
    "crates" + r"\.io",
    "--index-url" + r"[ =]",
    "--extra-index" + r"-url[ =]",
    "/" + "work/",
    "/" + r"root/(?!\$)",
    "/" + r"home/[a-z]",
    "/" + r"Users/[A-Za-z]",
]
PATTERN = re.compile("|".join(FORBIDDEN).encode())


def tracked() -> list[Path]:
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=True).stdout
    return [ROOT / name for name in listed.decode().split("\0") if name]


def test_no_registry_and_no_machine_path() -> None:
    found = [
        f"{path.relative_to(ROOT)}:{number}: {line.strip()[:120].decode(errors='replace')}"
        for path in tracked()
        if path.is_file()
        for number, line in enumerate(path.read_bytes().splitlines(), 1)
        if PATTERN.search(line)
    ]
    assert not found, "\n".join(found)


def test_the_pattern_finds_what_it_is_for() -> None:
    assert PATTERN.search(b"https://py" + b"pi.org/simple")
    assert PATTERN.search(b"see /wo" + b"rk/main/src")
    assert not PATTERN.search(b"the network, the frameworks/ folder, /root of the tree")
