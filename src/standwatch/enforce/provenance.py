"""Where the values of an action's arguments come from, first form: the task's words, and trusted result fields.

Exact, format-insensitive presence only; what cannot be found has the provenance `model`, the least trusted one
that a rule may name. A value is never guessed into a better provenance.
"""

import re
from typing import Any, Final, cast

import msgspec

from standwatch.facts.configuration import Source

MAX_VALUES: Final = 20_000
"""Trusted values remembered in one run; beyond it new ones are not learned, so later values count as `model`."""

_WORD: Final = re.compile(r"[^\W_]+(?:[.,'@:/_+-][^\W_]+)*", re.UNICODE)


class Trail(msgspec.Struct):
    """What one run has read so far: its task and the trusted values its tools returned."""

    task: str = ""
    known: bool = True
    """False where the task could not be read back: then nothing has the provenance `task`, nor is it known whom it
    serves."""
    vouched: dict[tuple[int, str], bytes] = {}
    """(question, argument) → canonical bytes of the value that people vouched for, as this process read it back."""
    behalf: str = ""
    """Whom the run serves, as the principal that opened it said."""
    words: frozenset[str] = frozenset()
    trusted: set[str] = set()
    untrusted: bool = False

    def source(self, value: Any) -> Source:
        """The provenance of an argument's value. A container has the worst that is in it, its members' names too;
        an empty one came from nowhere."""
        if isinstance(value, dict):
            members = cast("dict[str, Any]", value)
            return self._worst([*members, *members.values()])
        if isinstance(value, list):
            return self._worst(cast("list[Any]", value))
        form = normal(value)
        if form in self.words:
            return "task"
        return "trusted" if form in self.trusted else "model"

    def _worst(self, values: list[Any]) -> Source:
        sources: list[Source] = [self.source(value) for value in values]
        if not sources or "model" in sources:
            return "model"
        return "trusted" if "trusted" in sources else "task"

    def learn_from(self, paths: tuple[str, ...], result: bytes) -> None:
        """Remember the trusted values of a raw MCP tool result: its `structuredContent`, or JSON in its text."""
        try:
            members = msgspec.json.decode(result, type=dict[str, Any])
            structured = members.get("structuredContent")
            if structured is None:
                structured = _json_text(members.get("content"))
        except (msgspec.DecodeError, msgspec.ValidationError, RecursionError):
            return
        if isinstance(structured, dict) and set(cast("dict[str, Any]", structured)) == {"result"}:
            structured = cast("dict[str, Any]", structured)[
                "result"
            ]  # how SDKs wrap a result that is no object
        self.learn(paths, structured)

    def learn(self, paths: tuple[str, ...], result: Any) -> None:
        """Remember the values that `paths` select in a tool's structured `result` as trusted."""
        for path in paths:
            for value in select(path, result):
                if isinstance(value, str | int | float) and len(self.trusted) < MAX_VALUES:
                    self.trusted.add(normal(value))


def _json_text(content: Any) -> Any:
    """The value of a result whose only content is one text that is JSON; None otherwise."""
    items = cast("list[Any]", content) if isinstance(content, list) else []
    text: Any = (
        cast("dict[str, Any]", items[0]).get("text")
        if len(items) == 1 and isinstance(items[0], dict)
        else None
    )
    return msgspec.json.decode(text.encode()) if isinstance(text, str) else None


def trail(task: str, behalf: str = "") -> Trail:
    """The trail of a run that has just been opened for `task`, on behalf of somebody."""
    words = frozenset(
        form for word in _WORD.findall(task) for form in (normal(word), normal(word.strip(".,:")))
    )
    return Trail(task=task, behalf=behalf, words=words)


def normal(value: Any) -> str:
    """One spelling for one value: numbers without trailing zeros, text case-folded.

    Separators are dropped only inside what can be nothing but an account number; elsewhere they tell values apart.
    """
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return format(value, "g") if isinstance(value, float) and not value.is_integer() else str(int(value))
    text = str(value).strip().casefold()
    if _GROUPED.fullmatch(text):
        return normal(float(text.replace(",", "")) if "." in text else int(text.replace(",", "")))
    squeezed = text.replace(" ", "").replace("-", "")
    return squeezed if _ACCOUNT.fullmatch(squeezed) else text


_GROUPED: Final = re.compile(r"\d{1,15}(?:\.\d{1,6})?|\d{1,3}(?:,\d{3}){1,4}(?:\.\d{1,6})?", re.ASCII)
_ACCOUNT: Final = re.compile(r"[a-z]{2}\d{2}[a-z0-9]{11,30}", re.ASCII)


def select(path: str, value: Any) -> list[Any]:
    """The values at a JSONPath of members and wildcards: `$`, `.name`, `[*]`, `[n]`, `..` not included."""
    if not _PATH.fullmatch(path):
        return []  # what is not understood selects nothing: a trusted field is never guessed at
    found = [value]
    for step in _STEP.findall(path.removeprefix("$")):
        name, index = step
        found = [inner for outer in found for inner in _into(outer, name, index)]
    return found


_PATH: Final = re.compile(r"\$(?:\.(?:[A-Za-z_][\w-]*|\*)|\[(?:\*|\d+)\])*", re.ASCII)
_STEP: Final = re.compile(r"\.([A-Za-z_][\w-]*|\*)|\[(\*|\d+)\]")


def _into(value: Any, name: str, index: str) -> list[Any]:
    if isinstance(value, dict):
        members = cast("dict[str, Any]", value)
        if "*" in (name, index):
            return list(members.values())
        return [members[name]] if name in members else []
    if isinstance(value, list):
        items = cast("list[Any]", value)
        if "*" in (name, index):
            return items
        return [items[int(index)]] if index.isdigit() and int(index) < len(items) else []
    return []


def speaks_of(task: str, words: tuple[str, ...]) -> bool:
    """Whether the task contains one of `words`, or an inflection that begins with it (four letters or more)."""
    spoken = [word.casefold() for word in _WORD.findall(task)]
    return any(
        said == word or (len(word) >= 4 and said.startswith(word))
        for word in (word.casefold() for word in words)
        for said in spoken
    )
