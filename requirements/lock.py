"""The locks: `lock.py [--upgrade]` resolves them again, `lock.py --check` compares them with pyproject.toml offline.

| lock | from | holds |
|---|---|---|
| product.txt | dependencies, build-system | what `make install` installs |
| test.txt | the same and group `test`, constrained by product.txt | what tests and checks add |
| labelled.txt | group `labelled` | what `bench.labelled` runs beside us, in an environment of its own |
| demo.txt | group `demo` | the example organisation's own servers, in an environment of their own |
| models.txt | group `models` | the demo's model server, in another |
| dojo.txt | group `dojo` | AgentDojo's suites for `make dojo`, in a fourth |
| frameworks.txt | group `frameworks` | the agent frameworks that our adapters are tested against, in a fifth |
| models-test.txt | the same and group `models-test`, constrained by models.txt | what tests add to it |
| package-lock.json in demo-npm/ and tests/wire/*/ | the package.json beside each | Node servers and suites |

No lock names an address: the index is the installing person's choice, the hashes are ours.
"""

from __future__ import annotations

import argparse
import json
import re
import subprocess
import sys
import tomllib
import venv
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path
from typing import Any

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent
UV = "uv==0.13.9"
PIN = re.compile(r"^(?P<name>[a-z0-9-]+)==(?P<version>\S+?)(?: ; (?P<marker>[^\\]+?))? \\$")
HASH = re.compile(r"^    --hash=sha256:[0-9a-f]{64}(?: \\)?$")
Pins = dict[str, tuple[str, frozenset[str]]]


def wanted(project: dict[str, Any]) -> dict[str, list[str]]:
    """The direct requirements of each lock, as pyproject.toml states them."""
    product: list[str] = project["project"]["dependencies"] + project["build-system"]["requires"]
    groups: dict[str, list[str]] = project["dependency-groups"]
    models = groups["models"]
    return {
        "product": product,
        "test": product + groups["test"],
        "demo": groups["demo"],
        "labelled": groups["labelled"],
        "models": models,
        "models-test": models + groups["models-test"],
        "dojo": groups["dojo"],
        "frameworks": groups["frameworks"],
    }


def npm_folders() -> list[Path]:
    return [HERE / "demo-npm", *sorted(path.parent for path in (ROOT / "tests/wire").glob("*/package.json"))]


# --- resolve --------------------------------------------------------------------------------------------------


def compile_lock(python: Path, name: str, requirements: list[str], *options: str) -> None:
    """One lock with uv, over all platforms; versions already locked are kept unless `--upgrade`."""
    fixed = "--universal --python-version 3.11 --generate-hashes --no-header --no-annotate --quiet"
    silent = "--no-emit-index-url --no-emit-find-links"
    command = [python, "-m", "uv", "pip", "compile", "-", *fixed.split(), *silent.split(), *options]
    print(f"lock: {name}.txt", flush=True)
    subprocess.run(
        [*command, "--output-file", HERE / f"{name}.txt"],
        input="\n".join(requirements).encode(),
        stdout=subprocess.DEVNULL,
        cwd=ROOT,
        check=True,
    )


def lock_npm(folder: Path) -> None:
    """The Node lock of `folder`, without download addresses and without advertisements for donations."""
    from npm import npm, wheel_node  # the script beside this one

    print(f"lock: {folder.relative_to(ROOT)}", flush=True)
    options = ("--package-lock-only", "--ignore-scripts", "--omit-lockfile-registry-resolved")
    npm(wheel_node(), folder, "install", *options)
    path = folder / "package-lock.json"
    lock = json.loads(path.read_bytes())
    for package in lock["packages"].values():
        package.pop("funding", None)
    path.write_text(json.dumps(lock, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")


def resolve(project: dict[str, Any], upgrade: bool) -> None:
    folder = ROOT / "build" / "lock"
    venv.create(folder, with_pip=True, clear=True)
    python = folder / "bin" / "python"
    subprocess.run([python, "-m", "pip", "install", "--quiet", UV], check=True)
    options = ("--upgrade",) if upgrade else ()
    lists = wanted(project)
    compile_lock(python, "product", lists["product"], *options)
    once = ("--fork-strategy", "fewest", *options)  # one version for every Python
    compile_lock(python, "test", lists["test"], "--constraints", str(HERE / "product.txt"), *once)
    compile_lock(python, "demo", lists["demo"], *options)
    compile_lock(python, "labelled", lists["labelled"], *options)
    # One version for every Python: a model file is read by the library that wrote it.
    models = ("--overrides", str(HERE / "models-overrides.txt"), "--fork-strategy", "fewest", *options)
    compile_lock(python, "models", lists["models"], *models)
    compile_lock(
        python, "models-test", lists["models-test"], "--constraints", str(HERE / "models.txt"), *models
    )
    compile_lock(python, "dojo", lists["dojo"], *options)
    compile_lock(python, "frameworks", lists["frameworks"], *options)
    for each in npm_folders():
        lock_npm(each)


# --- check ----------------------------------------------------------------------------------------------------


def read_pins(path: Path) -> Pins:
    """Name → version and hashes; raises `ValueError` on any line that is neither a pin nor a hash."""
    pins: Pins = {}
    name = ""
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        if found := PIN.match(line):
            name = found["name"]
            if name in pins:
                raise ValueError(f"{path.name}:{number}: {name} is pinned twice")
            pins[name] = (found["version"], frozenset())
        elif HASH.match(line) and name:
            version, hashes = pins[name]
            pins[name] = (version, hashes | {line.strip(" \\")})
        else:
            raise ValueError(f"{path.name}:{number}: neither a pin nor a hash: {line!r}")
    return pins


def unmet(lock: str, requirements: list[str], pins: Pins) -> Iterator[str]:
    """Requirements of pyproject.toml that the lock does not satisfy, and pins without a hash."""
    for requirement in map(Requirement, requirements):
        version, _ = pins.get(canonicalize_name(requirement.name), ("", frozenset()))
        if not version:
            yield f"{lock}.txt does not pin {requirement.name}, which pyproject.toml asks for"
        elif not requirement.specifier.contains(version, prereleases=True):
            yield f"{lock}.txt pins {requirement.name} {version}; pyproject.toml asks for {requirement.specifier}"
    yield from (f"{lock}.txt: {name} has no hash" for name, (_, hashes) in pins.items() if not hashes)


def leftovers(lock: str, requirements: list[str], pins: Pins) -> Iterator[str]:
    """Installed pins that nothing asks for any more. What is not installed here (another platform's) is passed."""
    reached: set[str] = set()
    ahead: list[str] = [canonicalize_name(Requirement(each).name) for each in requirements]
    while ahead:
        name = ahead.pop()
        if name in reached:
            continue
        reached.add(name)
        try:
            further = metadata.requires(name) or []
        except metadata.PackageNotFoundError:
            continue
        ahead += [canonicalize_name(Requirement(each).name) for each in further]
    installed = {canonicalize_name(each.name) for each in metadata.distributions()}
    for name in sorted((set(pins) & installed) - reached):
        yield f"{lock}.txt pins {name}, which nothing in pyproject.toml leads to"


def npm_problems(folder: Path) -> Iterator[str]:
    where = folder.relative_to(ROOT)
    lock = json.loads((folder / "package-lock.json").read_bytes())
    if (
        lock["packages"][""]["dependencies"]
        != json.loads((folder / "package.json").read_bytes())["dependencies"]
    ):
        yield f"{where}/package-lock.json is not the lock of the package.json beside it"
    for name, package in lock["packages"].items():
        if name and not package.get("integrity"):
            yield f"{where}/package-lock.json: {name} has no integrity hash"
        if "resolved" in package:
            yield f"{where}/package-lock.json: {name} names a download address"


def problems(project: dict[str, Any]) -> Iterator[str]:
    lists = wanted(project)
    pins = {name: read_pins(HERE / f"{name}.txt") for name in lists}
    for name, requirements in lists.items():
        yield from unmet(name, requirements, pins[name])
    for name in ("product", "test"):
        yield from leftovers(name, lists[name], pins[name])
    for name, pin in pins["product"].items():
        if pins["test"].get(name) != pin:
            yield f"test.txt and product.txt differ about {name}"
    for name, pin in pins["models"].items():
        if pins["models-test"].get(name) != pin:
            yield f"models-test.txt and models.txt differ about {name}"
    for folder in npm_folders():
        yield from npm_problems(folder)


def main() -> int:
    parser = argparse.ArgumentParser(description="Resolve or check the locks.")
    parser.add_argument("--check", action="store_true", help="compare with pyproject.toml, offline")
    parser.add_argument("--upgrade", action="store_true", help="take newer versions")
    options = parser.parse_args()
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    if not options.check:
        resolve(project, options.upgrade)
    found = list(problems(project))
    for each in found:
        print(f"lock: {each}", file=sys.stderr)
    if found:
        print("lock: `make lock` resolves them again", file=sys.stderr)
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
