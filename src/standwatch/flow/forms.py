"""One spelling for one value."""

import re
from typing import Any, Final

WORD: Final = re.compile(r"[^\W_]+(?:[.,'@:/_+-][^\W_]+)*", re.UNICODE)
"""A word of a text, with what ties its parts together."""


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
