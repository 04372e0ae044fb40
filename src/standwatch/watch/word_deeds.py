"""A run's acts as they can be held against words: what sort of deed each was, and which objects it names. Pure."""

import re
from collections.abc import Iterator
from typing import Any, Final

import msgspec

from standwatch.facts.words import Effect
from standwatch.watch.word_forms import FAMILIES, GENERIC, ONLY, SAME, TEST_COMMAND, VERBS

COMMANDS: Final = frozenset({"command", "cmd", "sql", "query", "statement", "script", "commands", "argv"})
"""Names of arguments that are read as a command, however long."""
_LONG: Final = 300
_LONGEST: Final = 8_000
_NUMBER: Final = re.compile(r"(?<![\w.,@/-])(?:\d{1,3}(?:[, ]\d{3})+(?:\.\d+)?|\d+(?:[.,]\d+)?)(?![\w@/-])")
_WORD: Final = re.compile(r"[^\W_](?:[\w@./:+%~-]*\w)?|/\w[\w./-]*")
_IBAN: Final = re.compile(r"\b[A-Z]{2}\d{2}(?: ?[A-Z0-9]{4}){2,7}(?: ?[A-Z0-9]{1,3})?\b")
_CAMEL: Final = re.compile(r"(?<=[a-z])(?=[A-Z])")


class Deed(msgspec.Struct, frozen=True, kw_only=True):
    """One act of a run. `word` as on a run's page: `done`, `failed`, `denied`, `refused`, `waiting`, …"""

    index: int
    tool: str
    word: str
    effect: Effect = "read"
    arguments: dict[str, Any] = {}
    result: str = ""


class Seen(msgspec.Struct, frozen=True):
    """A deed, read: its families, the objects it names (lower case), its numbers, and the names of its arguments."""

    deed: Deed
    families: frozenset[str]
    objects: frozenset[str]
    numbers: frozenset[str]
    names: frozenset[str]
    test: bool
    """Whether it runs tests."""


def seen(deed: Deed) -> Seen:
    """What `deed` is, as far as its tool's name and its arguments tell."""
    verbs = set(_parts(deed.tool.partition(".")[2] or deed.tool))
    texts: list[str] = []
    names: set[str] = set()
    test = False
    for name, value in _leaves(deed.arguments):
        names |= set(_parts(name))
        command = name.rpartition("/")[2] in COMMANDS or name in COMMANDS
        if len(value) > (_LONGEST if command else _LONG):
            continue
        texts.append(value)
        if command:
            verbs |= {part.lower() for part in re.findall(r"[A-Za-z_]+", value)}
            test = test or TEST_COMMAND.search(value) is not None
    families = {family.name for family in FAMILIES if family.cues & verbs}
    if sole := [name for name in ONLY if name in families]:
        families = set(sole)
    if "pay" in families:
        families.discard("mail")
    if not test and deed.effect != "read" and not families & {"mail", "pay", "backup"}:
        families.add("change")
    text = " ".join(texts)
    return Seen(
        deed,
        frozenset(families if deed.effect != "read" else families & {"backup"}),
        frozenset(objects(text)),
        frozenset(numbers(text)),
        frozenset(names | set(_parts(deed.tool))),
        test or {"run", "tests"} <= set(_parts(deed.tool)),
    )


def _parts(name: str) -> Iterator[str]:
    for part in re.split(r"[\W_]+", _CAMEL.sub("_", name)):
        if part:
            yield part.lower()


def _leaves(value: Any, name: str = "") -> Iterator[tuple[str, str]]:
    if isinstance(value, dict):
        for key, inner in value.items():  # pyright: ignore[reportUnknownVariableType]
            yield from _leaves(inner, f"{name}/{key}" if name else str(key))  # pyright: ignore[reportUnknownArgumentType]
    elif isinstance(value, (list, tuple)):
        for inner in value:  # pyright: ignore[reportUnknownVariableType]
            yield from _leaves(inner, name)
    elif value is not None and not isinstance(value, bool):
        yield name, str(value)


def objects(text: str) -> Iterator[str]:
    """The words of `text` that may name something, in lower case: account numbers without spaces, paths with all of
    their endings, environments by one name."""
    spaced = _IBAN.sub(lambda found: found[0].replace(" ", ""), text)
    spoken: list[str] = _WORD.findall(spaced)
    for word in spoken:
        plain = word.lower().rstrip(".:")
        yield SAME.get(plain, plain)
        if "/" in plain and "://" not in plain:
            pieces = plain.strip("/").split("/")
            yield from ("/".join(pieces[k:]) for k in range(len(pieces)))
        elif ":" in plain or "=" in plain:
            yield from plain.replace("=", ":").split(":")


def numbers(text: str) -> Iterator[str]:
    """Amounts in `text`, spelled one way."""
    for found in _NUMBER.findall(text):
        plain = found.replace(" ", "")
        if re.fullmatch(r"\d{1,3}(,\d{3})+(\.\d+)?", plain):
            plain = plain.replace(",", "")
        whole, _, rest = plain.replace(",", ".").partition(".")
        rest = rest.rstrip("0")
        yield f"{int(whole)}.{rest}" if rest else str(int(whole))


def strong(word: str) -> bool:
    """Whether a word can hardly name anything else: an address, an account, a file, an identifier."""
    if "@" in word or "_" in word.strip("_") or ("/" in word.strip("/") and len(word) > 3):
        return True
    if re.fullmatch(r"[\w-]+\.[a-z][a-z0-9]{0,5}", word):
        return True
    return (
        len(word) >= 5
        and any(letter.isdigit() for letter in word)
        and not word[0].isdigit()
        and "," not in word
    )


def named(text: str) -> frozenset[str]:
    """The objects that a sentence names: what is generic, short or a number is none."""
    found = {one for one in objects(text) if len(one) >= 4 or (len(one) == 3 and strong(one))}
    return frozenset(
        one for one in found if one not in GENERIC and one not in VERBS and not one.replace(".", "").isdigit()
    )
