"""How to reach people, and when they were born: e-mail, telephone, network addresses, dates of birth."""

import ipaddress

from standwatch.content.detector import CONTEXT, Detector, Match, is_certain
from standwatch.content.forms import Near
from standwatch.content.found import IDENTIFIER

_PHONE = Near(
    r"phone",
    r"tel\b",
    r"tel[.:]",
    r"telephone",
    r"telefon",
    r"t(?:é|e)l(?:é|e)phone",
    r"tel(?:é|e)fono",
    r"telefone",
    r"mobile?",
    r"mobil",
    r"m(?:ó|o)vil",
    r"cell",
    r"celular",
    r"cellulare",
    r"portable",
    r"handy",
    r"fax",
    r"desk",
    r"office",
    r"call",
    r"dial",
    r"ring",
    r"reach",
    r"answering at",
    r"whatsapp",
    r"sms",
    r"texted?",
    r"messages? (?:to|on)",
    r"contact",
    r"hotline",
    r"anruf",
    r"erreich",
    r"llam",
    r"appel",
    r"chiam",
    r"hotline",
    r"registered",
)
_BORN = Near(
    r"born",
    r"birth",
    r"d\.?o\.?b\b",
    r"geb\b",
    r"geb\.",
    r"geboren",
    r"geburt",
    r"n(?:é|e)e? ",
    r"naissance",
    r"nacid",
    r"nacimiento",
    r"nato il",
    r"nascita",
    r"nascimento",
    r"nascid",
    r"urodz",
    r"f(?:ö|o)dd",
    r"f(?:ø|o)dt",
    r"syntym",
)
_NOT_PHONE = Near(
    r"ssn",
    r"social security",
    r"isbn",
    r"order",
    r"invoice",
    r"card",
    r"account",
    r"iban",
    r"version",
    r"licen[cs]e",
)


_NOT_DIGITS = bytes(each for each in range(256) if not 48 <= each <= 57)


def _phone(match: Match) -> bool | None:
    """Certain with a country code; without one it needs the grouping that numbers are written in, or a word."""
    text = match.value
    count = len(text.lower().partition(b"x")[0].translate(None, _NOT_DIGITS))
    if not 6 <= count <= 16 or (count <= 8 and _is_date(text)) or len(set(text)) < 4:
        return None
    if text.startswith((b"+", b"00")) and count >= 8:
        return True
    if match.before[-1:] in (b"#", b"$", b"=", b"/", b"\xa3") and not _PHONE(match):
        return None
    if _PHONE(match):
        return True
    return False if _grouped(text, count) and not _NOT_PHONE(match) else None


_TO_SPACES = bytes.maketrans(b"()-./", b"     ")


def _grouped(text: bytes, count: int) -> bool:
    """(978) 249-9678, 978-249-9678, 978.249.9678; and 0 before nine to twelve digits in groups."""
    parts = text.partition(b"x")[0].translate(_TO_SPACES).split()
    american = count in (10, 11, 13) and [len(part) for part in parts[-3:]] == [3, 3, 4]
    return american or (9 <= count <= 12 and len(parts) >= 2 and text.lstrip(b"(").startswith(b"0"))


def _is_date(text: bytes) -> bool:
    parts = text.translate(_DATE_DASHES).split(b"-")
    sizes = [len(part) for part in parts]
    return len(parts) == 3 and (sizes == [4, 2, 2] or (sizes[2] == 4 and max(sizes[:2]) <= 2))


_DATE_DASHES = bytes.maketrans(b"/.", b"--")


def _ip4(match: Match) -> bool | None:
    parts = match.value.split(b".")
    if any(len(part) > 1 and part[0] == 48 for part in parts) or any(int(part) > 255 for part in parts):
        return None
    dotted = match.before[-1:] == b"." and match.before[-2:-1].isdigit()
    more = match.after[:1] == b"." and match.after[1:2].isdigit()
    if dotted or more or match.before[-1:] in (b"v", b"V") or match.value.startswith(b"0."):
        return None  # a version
    return False


def _ip6(match: Match) -> bool | None:
    try:
        address = ipaddress.IPv6Address(match.value.decode())
    except ValueError:
        return None
    return False if not address.is_unspecified and len(match.value) > 3 else None


def _birth(match: Match) -> bool | None:
    return True if _BORN(match) else None


def _mac(match: Match) -> bool | None:
    return False if len(set(match.value)) > 3 else None


MONTHS = r"(?:jan|feb|mar|apr|may|mai|jun|jul|aug|sep|oct|okt|nov|dec|dez)[a-z]{0,7}\.?"
DATE = (
    r"(?i)\b(?:[0-3]?[0-9][./-][0-3]?[0-9][./-](?:[0-9]{4}|[0-9]{2})|[12][0-9]{3}[./-][01]?[0-9][./-][0-3]?[0-9]"
    rf"|[0-3]?[0-9](?:st|nd|rd|th|\.)?\s{{1,2}}(?:of |de )?{MONTHS},?\s{{1,2}}[12][0-9]{{3}}"
    rf"|{MONTHS}\s{{1,2}}[0-3]?[0-9](?:st|nd|rd|th)?,?\s{{1,2}}[12][0-9]{{3}})\b"
)
DATE_GATE = (
    r"(?i)[0-9][./-][0-9]{1,2}[./-][0-9]|[0-9]{4}[./-][0-9]{1,2}[./-]"
    r"|(?:jan|feb|mar|apr|may|mai|jun|jul|aug|sep|oct|okt|nov|dec|dez)[a-z]{0,7}[.,]{0,2}\s"
)

DETECTORS = (
    Detector(
        name="email",
        kind=IDENTIFIER,
        pattern=r"[A-Za-z0-9\x80-\xff_][A-Za-z0-9\x80-\xff._%+'-]{0,63}@(?:[A-Za-z0-9\x80-\xff-]{1,63}\.){1,8}[A-Za-z\x80-\xff]{2,24}",
        about="an e-mail address",
        reach=700,
        keywords=("@",),
        confirm=is_certain,
        source="RFC 5321 and 6531, as people write it",
    ),
    Detector(
        name="phone",
        kind=IDENTIFIER,
        pattern=r"(?:\+|\b00|\(|\b)(?:[0-9](?:[ ./-]{0,2}\(?[0-9]\)?){5,15})(?: ?(?:x|ext\.?|#) ?[0-9]{1,6})?\b",
        about="a telephone number",
        reach=96,
        gate=r"[0-9](?:[ ./()-]{0,4}[0-9]){5}",
        confirm=_phone,
        source="ITU-T E.123 and E.164; groups as written in North America, or a word near it",
    ),
    Detector(
        name="ip-address",
        kind=IDENTIFIER,
        pattern=r"\b[0-9]{1,3}\.[0-9]{1,3}\.[0-9]{1,3}\.[0-9]{1,3}\b",
        about="an IPv4 address",
        reach=18,
        gate=r"[0-9]\.[0-9]{1,3}\.[0-9]{1,3}\.[0-9]",
        confirm=_ip4,
        source="RFC 791",
    ),
    Detector(
        name="ipv6-address",
        kind=IDENTIFIER,
        pattern=r"(?i)(?:\b[0-9a-f]{1,4}(?::[0-9a-f]{1,4}){7}\b"
        r"|\b[0-9a-f]{1,4}(?::[0-9a-f]{1,4}){0,6}::(?:[0-9a-f]{1,4}(?::[0-9a-f]{1,4}){0,5})?|::[0-9a-f]{1,4}(?::[0-9a-f]{1,4}){1,6}\b)",
        about="an IPv6 address",
        reach=72,
        gate=r"(?i)[0-9a-f]:[0-9a-f]{1,4}:[0-9a-f]|[0-9a-f]::|::[0-9a-f]",
        confirm=_ip6,
        source="RFC 4291",
    ),
    Detector(
        name="mac-address",
        kind=IDENTIFIER,
        pattern=r"(?i)\b[0-9a-f]{2}(?:(?::[0-9a-f]{2}){5}|(?:-[0-9a-f]{2}){5})\b",
        about="a hardware address",
        reach=24,
        gate=r"(?i)[0-9a-f]{2}[:-][0-9a-f]{2}[:-][0-9a-f]{2}[:-][0-9a-f]{2}",
        confirm=_mac,
        source="IEEE 802",
    ),
    Detector(
        name="date-of-birth",
        kind=IDENTIFIER,
        pattern=DATE,
        about="a date that a word near it calls a birthday",
        reach=48,
        gate=_BORN.gate,
        lead=48 + CONTEXT,
        confirm=_birth,
        source="words in several languages, 64 bytes before or 24 after",
    ),
    Detector(
        name="date",
        kind=IDENTIFIER,
        pattern=DATE,
        about="any date; only where named, not with `identifier`",
        reach=48,
        gate=DATE_GATE,
        named=True,
        source="the usual ways to write one",
    ),
    Detector(
        name="web-address",
        kind=IDENTIFIER,
        pattern=r"(?i)\b(?:https?://|ftp://|www\.)[^\s<>\"'\x60{}|\\^\[\]]{2,1000}",
        begins=r"(?i)https?://|ftp://|www\.",
        about="any web address; only where named, not with `identifier`",
        reach=1020,
        gate=r"(?i)(?:https?://|ftp://|www\.)[^\s]",
        named=True,
        source="RFC 3986",
    ),
)
