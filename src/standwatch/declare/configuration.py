"""The files of an organisation → `Configuration`, or every problem at once."""

from collections.abc import Mapping as Files
from typing import Final

import msgspec

from standwatch.declare.cedar import check_policies
from standwatch.declare.digest import envelope_digest, root_digest
from standwatch.declare.environments import check_named
from standwatch.declare.fallbacks import RULES
from standwatch.declare.lock import doubts, read_lock
from standwatch.declare.manifest import read_manifest
from standwatch.declare.organisation import FILE, read_organisation
from standwatch.declare.people import Directory, directory
from standwatch.declare.policies import read_policy
from standwatch.declare.ranges import RANGE
from standwatch.declare.text import Mapping, Mark, Problems, read_yaml
from standwatch.facts.configuration import Configuration, Lock, Manifest, Organisation, Policy, System
from standwatch.facts.environments import conjoined
from standwatch.facts.errors import Misconfigured

MOST_FILES: Final = 10_000


class Declared(msgspec.Struct, frozen=True):
    """A configuration that can be taken up, and what a person should look at all the same."""

    configuration: Configuration
    warnings: tuple[str, ...]


def declare(files: Files[str, bytes]) -> Declared:
    """The configuration that `files` (path relative to the organisation's folder → bytes) declare.

    Raises `Misconfigured` with every problem as `file:line:column: what, and what was expected`; nothing else.
    """
    problems = Problems()
    if len(files) > MOST_FILES:
        raise Misconfigured((f"{FILE}:1:1: {len(files)} files, expected at most {MOST_FILES}",))
    _refuse_strays(files, problems)
    organisation = _organisation(files, problems)
    whom = directory(organisation)
    beside = _Beside(files)
    systems = {
        name: system
        for name in _names(files, "systems/", ".yaml")
        if not f"{name}.yaml".endswith(RULES)
        and (system := _system(name, files, (whom, organisation), beside, problems)) is not None
    }
    beside.warn_of_unread(problems)
    policies = tuple(
        policy
        for name in _names(files, "policies/", ".cedar")
        if (policy := read_policy(f"policies/{name}.cedar", files[f"policies/{name}.cedar"], problems))
        is not None
    )
    return _whole(organisation, systems, policies, problems)


class _Beside:
    """Files in `systems/` that manifests name: decision tables and learned ranges."""

    def __init__(self, files: Files[str, bytes]) -> None:
        self._files = files
        self._asked: set[str] = set()

    def __call__(self, name: str) -> bytes | None:
        path = f"systems/{name}"
        self._asked.add(path)
        return self._files.get(path)

    def warn_of_unread(self, problems: Problems) -> None:
        """A table or a range that no manifest names has no force, and somebody may think that it has."""
        for path in sorted(self._files):
            if path.startswith("systems/") and path.endswith((RULES, RANGE)) and path not in self._asked:
                problems.warn(Mark(path), "no manifest names this file, expected one that does")


def _whole(
    organisation: Organisation | None,
    systems: dict[str, System],
    policies: tuple[Policy, ...],
    problems: Problems,
) -> Declared:
    if organisation is not None and not problems.wrong:
        root = root_digest(organisation, systems, policies)
        configuration = Configuration(organisation, systems, policies, root)
        check_policies(configuration, problems)
        if not problems.wrong:
            return Declared(configuration, problems.doubtful)
    raise Misconfigured(problems.wrong)


def _names(files: Files[str, bytes], folder: str, ending: str) -> list[str]:
    return sorted(
        path.removeprefix(folder).removesuffix(ending)
        for path in files
        if path.startswith(folder) and path.endswith(ending) and "/" not in path.removeprefix(folder)
    )


def _refuse_strays(files: Files[str, bytes], problems: Problems) -> None:
    """A file with a wrong ending would silently not count: it is refused. Notes (`.md`) may lie anywhere."""
    endings = {"systems": (".yaml", ".lock", RANGE), "policies": (".cedar",)}
    for path in sorted(files):
        folder, slash, name = path.partition("/")
        if path == FILE or path.endswith(".md") or not slash or folder not in endings:
            continue
        if "/" in name or not name.endswith(endings[folder]):
            problems.add(
                Mark(path), f"not read here, expected {folder}/NAME{' or NAME'.join(endings[folder])}"
            )
        elif name.endswith(".lock") and f"{path.removesuffix('.lock')}.yaml" not in files:
            problems.add(
                Mark(path), f"a lock without its manifest, expected {path.removesuffix('.lock')}.yaml"
            )


def _organisation(files: Files[str, bytes], problems: Problems) -> Organisation | None:
    if FILE not in files:
        problems.add(Mark(FILE), "missing, expected the organisation's file (`standwatch init` writes one)")
        return None
    node = read_yaml(FILE, files[FILE], problems)
    return None if node is None else read_organisation(node, problems)


def _system(
    name: str,
    files: Files[str, bytes],
    around: tuple[Directory, Organisation | None],
    beside: _Beside,
    problems: Problems,
) -> System | None:
    path = f"systems/{name}.yaml"
    node = read_yaml(path, files[path], problems)
    whom, organisation = around
    manifest = None if node is None else read_manifest(name, node, whom, problems, beside)
    if manifest is not None and organisation is not None and isinstance(node, Mapping):
        freezes = node.members.get("freeze")
        known = conjoined(organisation.environments, manifest.environments)
        check_named(freezes.value if freezes is not None else None, known, problems)
    lock = _lock(name, files, manifest, problems)
    return None if manifest is None else System(manifest, lock, envelope_digest(manifest))


def _lock(name: str, files: Files[str, bytes], manifest: Manifest | None, problems: Problems) -> Lock:
    path = f"systems/{name}.lock"
    node = read_yaml(path, files[path], problems) if path in files else None
    lock = Lock() if node is None else read_lock(node, problems)
    if manifest is not None:
        doubts(manifest, lock, Mark(path), problems)
    return lock
