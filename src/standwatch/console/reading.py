"""Values as people read them: digits in threes, account numbers in fours, the host of an address set off.

For the eye only. INVARIANT: the groups of a reading, joined, are the value, character for character.
"""

import re
from typing import Final
from urllib.parse import urlsplit

import msgspec

from standwatch.console.inert import Inert


class Group(msgspec.Struct, frozen=True, omit_defaults=True):
    """Characters that belong together; `strong` ones decide where it goes."""

    text: str
    strong: bool = False


class Reading(msgspec.Struct, frozen=True, omit_defaults=True):
    """How to read a value: its groups, what it seems to be, and what to mind. `warns` are reasons to look twice."""

    groups: tuple[Group, ...] = ()
    what: str = ""
    warns: tuple[str, ...] = ()


def read_number(literal: str) -> Reading | None:
    """A JSON number in groups; None where there is nothing to group."""
    found = _DECIMAL.fullmatch(literal)
    if found is None:
        return Reading(what=f"{float(literal):.20f}".rstrip("0")) if "e-" in literal else None
    if len(found["whole"]) <= 3:
        return None
    return Reading(_threes(found["sign"], found["whole"], found["rest"]), _about(literal))


def read_text(text: str, shown: Inert) -> Reading | None:
    """What a text seems to be. Only of one that has nothing to hide: each of its characters is one that is seen."""
    if [piece.kind for piece in shown.pieces] != ["text"] or len(text) > LONGEST:
        return None
    return _account(text) or _digits(text) or _mail(text) or _address(text) or _packed(text)


LONGEST: Final = 4_096
"""Characters of a text that is looked at: nobody's account number or address is longer."""

_DECIMAL: Final = re.compile(r"(?P<sign>[-+]?)(?P<whole>\d+)(?P<rest>(?:\.\d+)?)", re.ASCII)


def _threes(sign: str, whole: str, rest: str) -> tuple[Group, ...]:
    first = len(whole) % 3 or 3
    parts = [whole[:first], *(whole[start : start + 3] for start in range(first, len(whole), 3))]
    parts[0], parts[-1] = sign + parts[0], parts[-1] + rest
    return tuple(map(Group, parts))


def _about(literal: str) -> str:
    """One zero too many is the oldest mistake there is: large numbers are also told in words."""
    size = abs(float(literal))
    for unit, word in ((1e12, "million million"), (1e9, "thousand million"), (1e6, "million")):
        if size >= unit:
            return f"about {size / unit:.4g} {word}"
    return ""


def _digits(text: str) -> Reading | None:
    found = _DECIMAL.fullmatch(text)
    if found is None or len(found["whole"]) <= 3:
        return None
    if found["whole"].startswith("0") or len(found["whole"]) > 18:
        return Reading(_by(text, 4), f"{len(text)} digits, as text")
    return Reading(_threes(found["sign"], found["whole"], found["rest"]), _about(text) or "a number, as text")


def _by(text: str, size: int) -> tuple[Group, ...]:
    return tuple(Group(text[start : start + size]) for start in range(0, len(text), size))


# --- account numbers -----------------------------------------------------------------------------------------

_IBAN: Final = re.compile(r"[A-Z]{2}\d{2}[A-Z0-9]{11,30}", re.ASCII)


def _account(text: str) -> Reading | None:
    """ISO 13616: two letters of the country, two check digits, the account; in fours."""
    squeezed = text.replace(" ", "")
    if not _IBAN.fullmatch(squeezed.upper()):
        return None
    groups = _by(text, 4) if squeezed == text else (Group(text),)
    turned = squeezed.upper()
    number = "".join(str(int(letter, 36)) for letter in turned[4:] + turned[:4])
    if int(number) % 97 == 1:
        return Reading(groups, f"account number (IBAN) of {turned[:2]}; its check digits are right")
    return Reading(groups, "looks like an IBAN", ("Its check digits are wrong: no such account exists.",))


# --- addresses -----------------------------------------------------------------------------------------------

_MAIL: Final = re.compile(r"[^\s@<>\"']{1,64}@[^\s@<>\"'/]{1,255}")


def _mail(text: str) -> Reading | None:
    if not _MAIL.fullmatch(text):
        return None
    local, _, host = text.rpartition("@")
    return Reading((Group(f"{local}@"), Group(host, strong=True)), "e-mail address", tuple(_odd_host(host)))


_SCHEME: Final = re.compile(r"[A-Za-z][A-Za-z0-9+.-]{0,30}://", re.ASCII)


def _address(text: str) -> Reading | None:
    """A URL. What stands before an at-sign is no host, though it looks like one (RFC 3986 §7.6)."""
    scheme = _SCHEME.match(text)
    if scheme is None or " " in text:
        return None
    end = min((place for mark in "/?#\\" if (place := text.find(mark, scheme.end())) >= 0), default=len(text))
    authority = text[scheme.end() : end]
    user, at, host = authority.rpartition("@")
    warns = list(_odd_host(host.rpartition(":")[0] if re.search(r":\d*$", host) else host))
    if at:
        warns.append("What stands before the @ is not where it goes: the part set off is.")
    if "\\" in text:
        warns.append("It has a backslash, which some programs take for a slash: they may go elsewhere.")
    try:
        urlsplit(text)
    except ValueError:
        warns.append("It is not a valid address: programs may read it differently.")
    groups = (
        Group(scheme.group()),
        *((Group(user + at),) if at else ()),
        Group(host, strong=True),
        *((Group(text[end:]),) if text[end:] else ()),
    )
    return Reading(
        groups, "address of the web" if scheme.group()[:4].lower() == "http" else "address", tuple(warns)
    )


def _odd_host(host: str) -> list[str]:
    labels = host.lower().split(".")
    found: list[str] = []
    if any(label.startswith("xn--") for label in labels):
        found.append("The host is in Punycode (xn--): a browser may show other letters for it.")
    if not host.isascii():
        found.append("The host has letters beyond ASCII: compare each of them.")
    if (labels and labels[-1].isdigit()) or host.startswith("["):
        found.append("The host is a bare network address.")
    return found


# --- what hides more -----------------------------------------------------------------------------------------

_HEX: Final = re.compile(r"(?:[0-9a-f]{2}){16,}|(?:[0-9A-F]{2}){16,}", re.ASCII)
_BASE64: Final = re.compile(r"(?:[A-Za-z0-9+/_-]{4}){10,}(?:[A-Za-z0-9+/_-]{2,3}={0,2})?", re.ASCII)


def _packed(text: str) -> Reading | None:
    """Text that says something else to a program than to its reader."""
    if _HEX.fullmatch(text):
        return Reading(_by(text, 8), f"{len(text) // 2} bytes in hexadecimal")
    if _BASE64.fullmatch(text) and any(map(str.isdigit, text)) and any(map(str.isupper, text)):
        return Reading(what="looks like Base64", warns=("What it says cannot be read here: it is encoded.",))
    if text[0] in "{[" and text[-1] in "}]":
        return Reading(what="text that looks like JSON")
    return None
