"""Whom a message reaches: how many, and whether an address or a mention stands for a crowd."""

import re
from typing import Any, Final, cast

MANY: Final = 10
"""Recipients from which on a message is a mailing."""
_CROWD: Final = re.compile(
    r"^(?:all|everyone|everybody|all-hands|allhands|all-staff|staff|company|company-wide|customers?|subscribers?|users|"
    r"members|newsletter|announce(?:ments?)?|team-all|all-(?:users|employees|company|customers|members)|employees|"
    r"everyone-\w+|[\w.-]+-(?:all|everyone|list|announce))@",
    re.IGNORECASE,
)
_MENTION: Final = re.compile(r"<!(?:everyone|channel|here|subteam\^\w+)(?:\|[^>]*)?>", re.IGNORECASE)
_ADDRESS: Final = re.compile(r"[^\s<>,;\"']+@[^\s<>,;\"']+")


def crowd(values: list[Any]) -> str:
    """Why a message to all of `values` (addresses, lists of them, or text with several) reaches a crowd."""
    found = [one for value in values for one in _addresses(value)]
    if len(found) >= MANY:
        return f"{len(found)} recipients"
    listed = [one for one in found if _CROWD.match(one)]
    return f"{listed[0]} stands for many" if listed else ""


def mention(text: str) -> str:
    """Why a message's text calls everybody."""
    found = _MENTION.search(text)
    return f"{found[0]} calls everybody" if found else ""


def _addresses(value: Any) -> list[str]:
    if isinstance(value, str):
        return _ADDRESS.findall(value)
    if isinstance(value, list):
        return [one for each in cast("list[Any]", value) for one in _addresses(each)]
    if isinstance(value, dict):
        return _addresses(list(cast("dict[str, Any]", value).values()))
    return []
