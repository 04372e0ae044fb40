"""Forms that a task gives for values: "call it 'Dinner at {restaurant}'". A value that is such a form, filled with what
is vouched for, is the user's own.
"""

import re
from typing import Final

MOST: Final = 20
"""Forms of one task that are kept."""
_QUOTED: Final = re.compile(r"(?<!\w)[\"'“‘«]([^\"'“”‘’«»\n]{0,200})[\"'”’»](?!\w)")
_BLANK: Final = re.compile(r"\{[^{}<>\[\]]{1,40}\}|<[^{}<>\[\]]{1,40}>|\[[^{}<>\[\]]{1,40}\]")


def forms(task: str) -> tuple[re.Pattern[str], ...]:
    """The quoted texts of `task` that have one to three blanks, as patterns with a group for each blank."""
    found: list[re.Pattern[str]] = []
    for quoted in _QUOTED.finditer(task):
        literal = _BLANK.split(quoted[1])
        if 1 < len(literal) <= 4 and any(each.strip() for each in literal):
            pattern = "(.{1,120}?)".join(re.escape(each) for each in literal)
            found.append(re.compile(pattern, re.IGNORECASE))
        if len(found) == MOST:
            break
    return tuple(found)


def blanks(patterns: tuple[re.Pattern[str], ...], value: str) -> tuple[str, ...]:
    """What fills the blanks of the form that `value` has; empty for none."""
    if not patterns or len(value) > 400:
        return ()
    filled = (pattern.fullmatch(value.strip()) for pattern in patterns)
    return next((one.groups() for one in filled if one is not None), ())
