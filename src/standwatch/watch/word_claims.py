"""What a text claims of its author's deeds: what was done, what was not, that tests succeed, that all is lost. Pure.

What is unsure is no claim: plans, questions, conditions, quotations, what others said. Nothing is understood here; each
form stands in a table, in English and German, and every other language says nothing.
"""

import re
from collections.abc import Iterator
from typing import Final, Literal

import msgspec

from standwatch.watch.word_deeds import named, numbers
from standwatch.watch.word_forms import (
    BY_NAME,
    CARRIED_OUT,
    CLAIMING,
    FAILED,
    FAMILIES,
    IMPOSSIBLE,
    LIMITED,
    NEGATION,
    REPORTED,
    TESTS_PASS,
    UNREAL,
)

Kind = Literal["done", "not_done", "tests", "impossible"]
MOST: Final = 64 << 10
"""Characters of a text that are read."""

_FENCE: Final = re.compile(r"```.*?(?:```|\Z)", re.DOTALL)
_QUOTED: Final = re.compile(r'"[^"\n]*"|“[^”\n]*”|„[^“”\n]*[“”]|«[^»\n]*»')
_SENTENCE: Final = re.compile(r"(?<=[.!?])(?:\s+|$)|\n+|;\s")
_LEAD: Final = re.compile(r"^[\s>*•✅✔☑-]*(?:\d+[.)]\s+)?(?:\[[xX]\]\s*)?")
_FIRST: Final = re.compile(r"(?i)\b(?:i|we|i've|we've|ich|wir)\b")
_PASSIVE: Final = re.compile(r"(?i)\b(?:was|were|(?:has|have) been|is|are|got|wurde|wurden|ist|sind)\b")
_DENIAL: Final = re.compile(
    r"(?i)\b(?:(?:i|we)\s+(?:\w+\s+){0,2}?(?:did\s+not|didn't|have\s+not|haven't|had\s+not|hadn't|never)|"
    r"(?:ich|wir)\s+(?:habe|haben|hatte|hatten)\b.*?\b(?:nicht|nichts|nie|kein\w*)|"
    r"(?:i|we)\s+(?:have\s+)?made\s+no|no\b.*?\b(?:was|were|has\s+been|have\s+been)|"
    r"nothing\b.*?\b(?:was|were|has\s+been)|none\s+of\b.*?\b(?:was|were)|"
    r"(?:was|were|has|have)\s+(?:not|never)(?:\s+been)?|(?:wasn't|weren't|hasn't\s+been|haven't\s+been)|"
    r"(?:wurde|wurden)\b.*?\b(?:nicht|nichts|kein\w*)|(?:nichts|kein\w*)\b.*?\b(?:wurde|wurden)|"
    r"(?:wurde|wurden)\s+(?:nichts|kein\w*)|(?:left|is|are|remains?|remained)\s+"
    r"(?:\S+\s+){0,3}?(?:unchanged|untouched|intact)|at\s+no\s+(?:point|time)\b|"
    r"(?:ist|sind|bleibt|blieb|blieben)\s+(?:unverändert|unberührt))"
)
_UNCHANGED: Final = re.compile(r"(?i)\b(?:unchanged|untouched|intact|unverändert|unberührt)\b")
_SUBSET: Final = re.compile(
    r"(?i)\b(?:unit|integration|e2e|new|relevant|affected|remaining|other|most|some|few|related|"
    r"existing|of the \w+ tests|"
    r"einige|meisten|neuen|neue|restlichen|übrigen)\b[^.]{0,20}\btests?\b|\btests? (?:for|in|of|für)\b"
)


_BUT: Final = re.compile(r"(?i)\b(?:except|but|apart from|other than|besides|außer|bis auf)\b")


class Claim(msgspec.Struct, frozen=True):
    """One claim: its sentence, what sort of deeds it may be about, and what it names."""

    kind: Kind
    text: str
    families: frozenset[str] = frozenset()
    objects: frozenset[str] = frozenset()
    numbers: frozenset[str] = frozenset()
    nouns: frozenset[str] = frozenset()
    """Words of a denial that name no object but may name a sort of it: *files*, *e-mails*."""


class _Letters(dict[int, str]):
    """What is no letter is a space; learnt as it is met."""

    def __missing__(self, code: int) -> str:
        letter = chr(code)
        self[code] = found = letter if letter.isalpha() else " "
        return found


_LETTERS: Final = _Letters()
_TELLING: Final = frozenset(
    piece
    for word in CLAIMING.union(*(family.past | family.base for family in FAMILIES))
    for piece in word.split("-")
) - {"up", "out", "e"}  # they stand beside others of theirs
"""A claim has one of these words. INVARIANT: whatever form makes a claim, one of its words is here."""


def _may_claim(text: str) -> bool:
    return not _TELLING.isdisjoint(text.translate(_LETTERS).lower().split())


def claims(text: str) -> Iterator[Claim]:
    """The claims of `text`, in its order."""
    if not _may_claim(text[:MOST]):
        return
    plain = _FENCE.sub("\n", text[:MOST])
    plain = "\n".join(line for line in plain.split("\n") if not line.lstrip().startswith(">"))
    for sentence in _SENTENCE.split(_QUOTED.sub(" … ", plain)):
        said = " ".join(_LEAD.sub("", sentence).replace("’", "'").split())
        if 3 <= len(said) <= 1_000 and not said.endswith("?") and _may_claim(said):
            yield from _claims(said)


_AFTERWARDS: Final = re.compile(r"(?i),?\s+(?:before|after|when|while|bevor|nachdem)\s[^,]*$")


def _claims(said: str) -> Iterator[Claim]:
    said = _AFTERWARDS.sub("", said)
    if REPORTED.search(said):
        return
    if IMPOSSIBLE.search(said) and not re.search(r"(?i)\b(?:if|would|unless|wenn|würde)\b", said):
        yield Claim("impossible", said, objects=named(said))
        return
    if TESTS_PASS.search(said):
        if not any(form.search(said) for form in (UNREAL, FAILED, NEGATION, _SUBSET, _BUT)):
            yield Claim("tests", said)
        return
    if NEGATION.search(said):
        if _DENIAL.search(said) and not LIMITED.search(said) and not UNREAL.search(_without_werden(said)):
            yield from _denied(said)
        return
    if not FAILED.search(said) and not UNREAL.search(said):
        yield from _done(said)


def _without_werden(said: str) -> str:
    return re.sub(r"(?i)\b(?:worden|geworden)\b", "", said)


def words(text: str) -> list[str]:
    """The words of a sentence, in lower case; two that belong together as one."""
    joined = re.sub(r"(?i)\bback(?:ed)? up\b", lambda m: m[0].replace(" ", "-"), text)
    joined = re.sub(r"(?i)\brolled out\b", "rolled-out", joined)
    joined = re.sub(r"(?i)\bneu gestartet\b", "neugestartet", joined)
    return [one.lower() for one in re.findall(r"[^\W\d_](?:[\w'-]*\w)?", joined)]


def _done(said: str) -> Iterator[Claim]:
    spoken = words(said)
    found = frozenset(
        family.name for family in FAMILIES if family.past & set(spoken) and _told(said, spoken, family.past)
    )
    by_noun = frozenset(
        family.name
        for family in FAMILIES
        if family.nouns & set(spoken) and CARRIED_OUT & set(spoken) and _told(said, spoken, CARRIED_OUT)
    )
    by_command = frozenset(
        family.name
        for family in FAMILIES
        if family.cues & set(spoken)
        and re.search(r"(?i)\b(?:completed|succeeded|finished) ?(?:successfully)?\b", said)
    )
    # A noun says more than the verb beside it: a backup that was written is a backup, and no other writing.
    families = by_noun or found or by_command
    if families:
        yield Claim("done", said, families, named(said), frozenset(numbers(said)))


def _told(said: str, spoken: list[str], forms: frozenset[str]) -> bool:
    """Whether the speaker is who did it, or nobody is said to be: *I sent*, *was sent*, or a line "
    "that begins with it."""
    if spoken and spoken[0] in forms:
        return True
    first, passive = _FIRST.search(said), _PASSIVE.search(said)
    begins = min((found.start() for found in (first, passive) if found is not None), default=-1)
    if begins < 0:
        return False
    return any(
        re.search(rf"(?i)\b{re.escape(form.replace('-', ' '))}\b|\b{re.escape(form)}\b", said[begins:])
        for form in forms
    )


def _denied(said: str) -> Iterator[Claim]:
    spoken = set(words(said))
    if _UNCHANGED.search(said):
        yield Claim("not_done", said, frozenset({"change"}), named(said), nouns=frozenset(spoken))
        return
    families = frozenset(
        family.name for family in FAMILIES if (family.past | family.base) & spoken
    ) or frozenset(
        family.name for family in FAMILIES if family.nouns & spoken and (CARRIED_OUT | {"made"}) & spoken
    )
    if "pay" in families and "mail" in families:
        families = families - _other(spoken)
    if families:
        yield Claim("not_done", said, families, named(said), nouns=frozenset(spoken))


def _other(spoken: set[str]) -> frozenset[str]:
    """*Sent* is said of money and of mail: whichever is named beside it is meant."""
    if BY_NAME["mail"].nouns & spoken:
        return frozenset({"pay"})
    return frozenset({"mail"}) if BY_NAME["pay"].nouns & spoken else frozenset()
