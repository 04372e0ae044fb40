"""Looking for content: a value and what is looked for → one finding, and the value with what is masked. Pure."""

from collections.abc import Collection
from typing import Any, Final

import msgspec

from standwatch.content.found import Found, Unfinished
from standwatch.enforce.contents import Look, word_of
from standwatch.enforce.masks import Masks
from standwatch.enforce.texts import MOST_BYTES, Texts, TooMuch, replaced, text_in, texts_of
from standwatch.facts.configuration import Finding
from standwatch.facts.content import ACTIONS, ContentAction
from standwatch.facts.words import Decision

CHECK: Final = "content"
UNFINISHED: Final = "unfinished"
"""Code where what is looked for could not be looked for to the end."""
MOST_TOLD: Final = 20
"""Details that a finding tells; of the others their number."""
_OPAQUE: Final = ("/requestState", "/_meta")
"""Where nothing is changed: a server's own state comes back to it as it was."""

_DECISIONS: Final[dict[ContentAction, Decision]] = {
    "observe": "allow",
    "mask": "modify",
    "step_up": "step_up",
    "deny": "deny",
}


class Detail(msgspec.Struct, frozen=True):
    """One thing found, at [`start`, `end`) of the texts."""

    word: str
    detector: str
    pointer: str
    action: ContentAction
    shown: str
    start: int
    end: int
    named: bool = False
    """Whether it stands in a member's name."""


class Looked(msgspec.Struct, frozen=True):
    """What a look came to. `finding` None where nothing was found."""

    finding: Finding | None = None
    details: tuple[Detail, ...] = ()
    texts: Texts | None = None


NOTHING: Final = Looked()


def look_at(look: Look, value: Any, *, expected: Collection[tuple[str, str]] = ()) -> Looked:
    """Look for what `look` names in a parsed value. `expected`: (first step of the pointer, or "" for anywhere; word)
    of what belongs there. Never raises."""
    if look.scanner is None:
        return Looked(failed(look.missing))
    try:
        text = text_in(value)
        found = look.scanner.scan(text) if text else ()
        if not found:
            return NOTHING
        texts = texts_of(value)
    except (TooMuch, Unfinished) as error:
        return Looked(failed(str(error)))
    except Exception as error:
        return Looked(failed(f"{type(error).__name__}: {error}"))
    details = tuple(_details(look, texts, found, expected))
    return Looked(told(details), details, texts) if details else NOTHING


def look_at_bytes(
    look: Look, data: bytes, *, expected: Collection[tuple[str, str]] = ()
) -> tuple[Looked, Any]:
    """As `look_at`, for a result as it came; with its value as it was read, None where it was not."""
    if len(data) > MOST_BYTES:
        return Looked(failed(f"{len(data)} bytes, more than {MOST_BYTES}")), None
    try:
        value: Any = msgspec.json.decode(data)
    except (msgspec.DecodeError, UnicodeError, RecursionError) as error:
        return Looked(failed(str(error))), None
    return look_at(look, value, expected=expected), value


def failed(why: str) -> Finding:
    """INVARIANT: what could not be looked at to the end is denied, whatever the rule would have done."""
    return Finding(CHECK, "deny", f"could not be looked at to the end: {why}", UNFINISHED)


def told(details: Collection[Detail]) -> Finding:
    """One finding for all that was found: where, what, the gravest first, and never the value itself."""
    worst = ACTIONS[max(ACTIONS.index(one.action) for one in details)]
    gravest = sorted(details, key=lambda one: (one.word != "canaries", -ACTIONS.index(one.action)))
    said = [
        f"{one.word} ({one.detector}) at {one.pointer or '/'}: {one.shown}, {one.action}" for one in gravest
    ]
    more = [f"and {len(said) - MOST_TOLD} more"] if len(said) > MOST_TOLD else []
    return Finding(CHECK, _DECISIONS[worst], "; ".join((*said[:MOST_TOLD], *more)), gravest[0].word)


def _details(
    look: Look, texts: Texts, found: Collection[Found], expected: Collection[tuple[str, str]]
) -> list[Detail]:
    details: list[Detail] = []
    for one in found:
        word = word_of(one.kind, one.detector)
        action = look.action(word, certain=one.certain)
        piece = texts.at(one.start)
        if action is None or piece is None:
            continue
        first = piece.pointer.split("/", 2)[1] if piece.pointer else ""
        if ("", word) in expected or (first, word) in expected:
            continue
        if action == "mask" and piece.pointer.startswith(_OPAQUE):
            action = "observe"
        named = one.end <= piece.start
        if action == "mask" and named:  # a name cannot be another and mean the same
            action = "deny"
        shown = veiled(texts.text[one.start : one.end])
        details.append(Detail(word, one.detector, piece.pointer, action, shown, one.start, one.end, named))
    return details


def veiled(value: str) -> str:
    """As much of a found value as tells its owner which it is: at most a sixth of it, and never more than four."""
    seen = min(4, len(value) // 6)
    plain = "".join(one if one.isprintable() else "·" for one in value[:seen])
    return f"{plain}… ({len(value)} characters)"


def masked(value: Any, looked: Looked, masks: Masks) -> Any:
    """`value` with a token for each thing found that is to be masked. Raises `Full`."""
    texts = looked.texts
    assert texts is not None
    spans: dict[str, list[tuple[int, int, str]]] = {}
    for one in looked.details:
        if one.action == "mask":
            for piece in texts.over(one.start, one.end):
                start, end = max(one.start, piece.start), min(one.end, piece.end)
                if start < end:
                    place = (start - piece.start, end - piece.start, one.word)
                    spans.setdefault(piece.pointer, []).append(place)

    def change(pointer: str, old: Any) -> Any:
        found = spans.get(pointer)
        if found is None:
            return old
        if not isinstance(old, str):
            return masks.token(found[0][2], str(old))
        return _with_tokens(old, found, masks)

    return replaced(value, change)


def _with_tokens(text: str, spans: list[tuple[int, int, str]], masks: Masks) -> str:
    done = 0
    parts: list[str] = []
    for start, end, word in _apart(spans):
        parts += [text[done:start], masks.token(word, text[start:end])]
        done = end
    return "".join((*parts, text[done:]))


def _apart(spans: list[tuple[int, int, str]]) -> list[tuple[int, int, str]]:
    """What overlaps as one."""
    merged: list[tuple[int, int, str]] = []
    for start, end, word in sorted(spans):
        if merged and start < merged[-1][1]:
            first, last, named = merged[-1]
            merged[-1] = (first, max(last, end), named)
        else:
            merged.append((start, end, word))
    return merged
