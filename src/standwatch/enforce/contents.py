"""What a configuration says of content, made ready for the hot path: which engine reads what, and what follows.

INVARIANT: rules whose engine is missing, or that could not be read to the end, find that, and deny.
"""

from collections.abc import Callable, Mapping
from typing import Any, Final, Protocol

import msgspec

from standwatch.content import found as kinds
from standwatch.content.found import Found
from standwatch.enforce.patterns import names
from standwatch.facts.configuration import Configuration, System
from standwatch.facts.content import (
    ACTIONS,
    PLACES,
    ContentAction,
    ContentPlace,
    ContentRule,
    canaries,
    rules,
)


class Scanner(Protocol):
    """An engine of `content`, made for some words."""

    def scan(self, text: str) -> tuple[Found, ...]: ...
    def stream(self) -> Any: ...


Build = Callable[[frozenset[str], Mapping[str, str]], Scanner]
"""(words, canaries) → the engine that finds them."""
Read = Callable[[str], str | None]
"""Where a canary's text is → the text; None where there is none."""


class Look(msgspec.Struct, frozen=True):
    """What is looked for at one place in acts of one tool. `scanner` None where there should be one and is none."""

    scanner: Scanner | None
    rules: tuple[ContentRule, ...]
    missing: str = ""
    """Why there is no scanner."""

    def action(self, word: str, *, certain: bool) -> ContentAction | None:
        """What is done about `word`: the strictest of all rules; None where no rule speaks of it."""
        told = [
            ACTIONS.index(one.action)
            for one in self.rules
            if word in one.find and (certain or not one.certain)
        ]
        return ACTIONS[max(told)] if told else None


class Contents(msgspec.Struct):
    """The content rules of one system."""

    rules: tuple[ContentRule, ...]
    expected: dict[str, frozenset[str]]
    canaries: dict[str, str | None]
    build: Build
    masks: bool
    """Whether any rule masks: only then may a run have tokens."""
    looks: dict[tuple[ContentPlace, str], Look | None] = {}

    def look(self, place: ContentPlace, tool: str) -> Look | None:
        """What is looked for at `place` in acts of `tool`; None for nothing."""
        key = (place, tool)
        if key not in self.looks:
            if len(self.looks) >= _MOST_KEPT:  # names that callers make up
                self.looks.clear()
            self.looks[key] = self._look(place, tool)
        return self.looks[key]

    def _look(self, place: ContentPlace, tool: str) -> Look | None:
        mine = tuple(
            one
            for one in self.rules
            if place in one.places and names(one.tools, tool) and (one.tools != ("*",) or not _decides(tool))
        )
        words = frozenset(word for one in mine for word in one.find)
        if not self.canaries:
            words -= {"canaries"}
        if not words:
            return None
        unread = sorted(name for name, text in self.canaries.items() if text is None)
        if "canaries" in words and unread:
            return Look(None, mine, f"the text of canary {', '.join(unread)} cannot be read")
        texts = {name: text for name, text in self.canaries.items() if text} if "canaries" in words else {}
        try:
            return Look(self.build(words, texts), mine)
        except Exception as error:
            return Look(None, mine, f"{type(error).__name__}: {error}")

    def warm(self, tools: tuple[str, ...]) -> None:
        """Have the engines ready before the first act."""
        for place in PLACES:
            for tool in tools:
                self.look(place, tool)


_MOST_KEPT: Final = 2_000


def _decides(tool: str) -> bool:
    """Whether it is a model that decides: its rows are data of people by design, so only rules that name it count."""
    return tool.endswith(".decision")


def contents_of(configuration: Configuration, system: System, build: Build, read: Read) -> Contents | None:
    """The content rules of `system`; None where nothing is looked for."""
    said = (system.manifest.content, configuration.organisation.content)
    stated = rules(*said)
    if not stated:
        return None
    expected = {
        where: frozenset(words)
        for one in reversed(said)
        if one is not None
        for where, words in one.expected.items()
    }
    texts = {name: read(where) for name, where in canaries(*said).items()}
    masks = any(one.action == "mask" for one in stated)
    return Contents(stated, expected, texts, build, masks)


def word_of(kind: str, detector: str) -> str:
    """The word by which a manifest speaks of what `detector` finds."""
    match kind:
        case kinds.SECRET:
            return "secrets"
        case kinds.CANARY:
            return "canaries"
        case kinds.INSTRUCTION:
            return "instructions"
        case kinds.EXFILTRATION:
            return "invisible" if detector.startswith(_UNSEEN) else "exfiltration"
        case _:
            return _identifier(detector)


_UNSEEN: Final = ("invisible", "steganographic", "bidi", "tag", "zero-width", "variation", "unicode")
_OTHER: Final = frozenset(
    {
        "aba-routing", "bank-account", "bech32-address", "bic", "bitcoin-address", "date", "date-of-birth",
        "ethereum-address", "imei", "ip-address", "ipv6-address", "mac-address", "web-address",
    }
)  # fmt: skip
"""Identifiers that no state gives to a person."""


def _identifier(detector: str) -> str:
    if detector in ("iban", "card", "email", "phone"):
        return detector
    return "other_identifiers" if detector in _OTHER else "national_id"
