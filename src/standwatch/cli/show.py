"""How the CLI says things: tables and colour on a terminal, plain lines in a pipe, times in UTC with their offset."""

from __future__ import annotations

import json
import os
import shlex
import sys
import unicodedata
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import Any, Final

_COLOURS: Final = {
    "autonomous": "32",
    "supervised": "33",
    "restricted": "38;5;208",
    "halted": "31",
    "good": "32",
    "bad": "31",
    "warn": "33",
    "dim": "2",
    "bold": "1",
}
_ODD: Final = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})


def visible(text: str) -> str:
    """`text` with every control, invisible and direction-changing character as an escape one can see.

    Agents choose much of what is shown here: nothing of theirs may move the cursor or reorder a line.
    """
    if text.isascii() and text.isprintable():
        return text
    return "".join(map(_escape, text))


def _escape(letter: str) -> str:
    category = unicodedata.category(letter)
    if category in _ODD or (category == "Zs" and letter != " ") or 0xFE00 <= ord(letter) <= 0xFE0F:
        return f"\\u{ord(letter):04x}" if ord(letter) < 0x10000 else f"\\U{ord(letter):08x}"
    return letter


def when(at: int) -> str:
    """µs as `2026-11-21 12:14:13+00:00`; "" for 0."""
    return f"{datetime.fromtimestamp(at // 1_000_000, UTC):%Y-%m-%d %H:%M:%S}+00:00" if at > 0 else ""


def coloured(stream: Any = None) -> bool:
    """Whether `stream` (standard output by default) is a terminal that wants colour."""
    found = stream or sys.stdout
    return found.isatty() and "NO_COLOR" not in os.environ and os.environ.get("TERM") != "dumb"


def paint(text: str, colour: str) -> str:
    """`text` in the colour that goes with a level or a mood, on a terminal."""
    return f"\x1b[{_COLOURS[colour]}m{text}\x1b[0m" if colour in _COLOURS and coloured() else text


def say(*lines: str) -> None:
    """Print lines of ours; whatever in them came from elsewhere went through `visible`."""
    for line in lines:
        print(line)


def out(value: Any) -> None:
    """Print `value` as JSON."""
    print(json.dumps(value, indent=2))  # ASCII: no byte of a stranger's steers the terminal


def row(word: str, colour: str, *cells: str) -> None:
    """One line that begins with a coloured word: two spaces between cells on a terminal, tabs in a pipe."""
    between = "  " if sys.stdout.isatty() else "\t"
    print(
        between.join(
            [
                paint(word.ljust(10) if between == "  " else word, colour),
                *(visible(cell) for cell in cells if cell),
            ]
        )
    )


def there(command: str, org: str) -> str:
    """A command that can be typed as it stands: for the organisation in the folder `org`."""
    named = org != "." and org != os.environ.get("STANDWATCH_ORG")
    program = "standwatch "
    if not named or not command.startswith(program) or command.startswith(program + "--"):
        return command
    return f"{program}--org {shlex.quote(org)} {command.removeprefix(program)}"


def advise(text: str, command: str = "") -> None:
    """An indented line below one: something to know, and the command that helps."""
    print("  " + "  →  ".join(visible(part) for part in (text, command) if part))


def table(
    heads: Sequence[str], rows: Iterable[Sequence[str]], colours: Sequence[str] = (), word: str = ""
) -> None:
    """Aligned columns under headings; tab-separated without headings in a pipe, where `word` says first what each line
    is. `colours` paint the first column."""
    cells = [[visible(cell) for cell in row] for row in rows]
    if not sys.stdout.isatty():
        for row in cells:
            print("\t".join([word, *row] if word else row))
        return
    widths = [max(len(row[column]) for row in [list(heads), *cells]) for column in range(len(heads))]
    print(
        paint("  ".join(head.ljust(width) for head, width in zip(heads, widths, strict=True)).rstrip(), "dim")
    )
    for number, row in enumerate(cells):
        padded = [cell.ljust(width) for cell, width in zip(row, widths, strict=True)]
        if number < len(colours):
            padded[0] = paint(padded[0], colours[number])
        print("  ".join(padded).rstrip())


def title(text: str) -> None:
    """A heading, on a terminal."""
    if sys.stdout.isatty():
        print("\n" + paint(text, "bold"))


def people(idents: Iterable[str], names: dict[str, str]) -> str:
    """People by name."""
    return ", ".join(names.get(ident, ident) for ident in idents) or "nobody"


def complain(error: Exception, *, code: str, cure: str, reference: str, as_json: bool) -> None:
    """Say on standard error what went wrong, and the command that helps."""
    if as_json:
        problem = {"code": code, "message": str(error), "reference": reference, "cure": cure}
        print(json.dumps({name: text for name, text in problem.items() if text}), file=sys.stderr)
        return
    lines = [visible(line) for line in str(error).splitlines()] or [code]
    lines[0] = f"standwatch: {lines[0]}"
    if cure:
        lines.append(f"  try: {visible(cure)}")
    print("\n".join(lines), file=sys.stderr)
