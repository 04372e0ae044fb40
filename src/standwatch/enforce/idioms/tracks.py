"""What words of any program lead to: paths that it touches, programs in other languages that it carries."""

from __future__ import annotations

import re
from typing import Final

from standwatch.enforce.idioms import code, paths, places
from standwatch.enforce.idioms.parsing import parse
from standwatch.enforce.idioms.reading import Kind, Notes

DEEPEST: Final = 6
"""Command lines inside command lines that are read."""


class Tracks:
    """Notes of what is found on `ground`."""

    def __init__(self, notes: Notes, ground: places.Ground) -> None:
        self._notes = notes
        self._ground = ground
        self._away = 0
        """How many of the wrappers around it run elsewhere: there paths are not this machine's."""

    def script(self, text: str, depth: int) -> None:
        """A whole command line, or one inside another."""
        raise NotImplementedError

    def _mounted(self, name: str, text: str) -> None:
        """A folder of this machine that a container is given, or a file of it that is sent along."""
        if (local := re.search(r"fileb?://(\S+)", text)) is not None:
            self._path(local[1], "read")
        source = text.partition("=")[2] if text.startswith("--") else text
        if (found := re.match(r"(?:type=bind,)?(?:source|src)=([^,]+)", source)) is not None or (
            found := re.match(r"(/[^:]*|~[^:]*|\.\.[^:]*):/", source)
        ) is not None:
            self._path(found[1], "write")

    def _code(self, text: str, depth: int) -> None:
        """What a program's own text runs, removes, or asks of the network: what is harm wherever it runs."""
        if code.runs(text):
            for one in code.literals(text):
                self._quoted(one, depth + 1)
        if code.loud(text):
            self._notes.doubt("harm", "code that removes whole folders or talks to the network")
        if code.metadata(text):
            self._notes.doubt("harm", "a cloud's metadata service")

    def _quoted(self, text: str, depth: int) -> None:
        """A literal of a program that runs others: a command line where it is one."""
        self._notes.spend(1 + len(text) // 32)
        if len(text) > 1 and depth <= DEEPEST and not parse(text).unread:
            type(self)(_Harms(self._notes), self._ground).script(text, depth)

    def _program(self, text: str, depth: int, *, bare: bool = True) -> None:
        """What a program in any language does that a person should look at."""
        notes = self._notes
        if len(text) > code.LONGEST:
            notes.doubt("runs", "a program longer than is read")
        text = text[: code.LONGEST]
        notes.spend(1 + len(text) // 64)
        if code.calls(text):
            notes.does("irreversible")
            notes.doubt("runs", "code that runs other programs")
        if code.talks(text):
            notes.network = True
            notes.doubt("network", "code that talks to the network")
        if code.shells(text):
            notes.doubt("opens", "code that starts a shell")
        if code.removes(text):
            notes.does("irreversible")
        elif code.writes(text):
            notes.does("write")
        if code.removes(text) or code.writes(text):
            for one in code.literals(text):
                notes.doubt("harm", paths.writing(one))
        found = code.paths(text) if bare else (one for one in code.literals(text) if places.is_path(one))
        for one in found:
            self._path(one, "read")

    def _path(self, path: str, use: str) -> None:
        """One path by what is done with it: `names`, `read`, `write`, `run`."""
        notes = self._notes
        if not path or not places.is_path(path) or self._away:
            return
        if use != "names":
            notes.note("writes" if use == "write" else "reads", path[:500])
            if paths.reading(path):
                notes.note("credentials", path[:500])
        if use == "names" or self._ground.inside(path):
            return
        if use in ("read", "run") and self._ground.public(path):
            return
        verb = {"read": "reads", "write": "reaches", "run": "runs what stands"}[use]
        notes.doubt("outside", f"it {verb} outside the workspace: {path[:120]}")


class _Harms(Notes):
    """Keeps of what is found only what is harm wherever it runs, and the effect."""

    def __init__(self, notes: Notes) -> None:
        super().__init__()
        self._notes = notes

    def spend(self, words: int) -> None:
        self._notes.spend(words)

    def doubt(self, kind: Kind, why: str) -> None:
        if kind == "harm":
            self._notes.doubt(kind, why)

    def note(self, where: str, found: object) -> None:
        if where in ("programs", "credentials", "carried"):
            self._notes.note(where, found)
