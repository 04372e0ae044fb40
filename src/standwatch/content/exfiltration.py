"""Shapes in which data leave: addresses that carry some, images, labels of hosts, blobs, and what nobody sees."""

from collections.abc import Callable
from string import ascii_lowercase, ascii_uppercase, digits
from urllib.parse import unquote_to_bytes

import re2

from standwatch.content.detector import Detector, Match, View
from standwatch.content.found import EXFILTRATION
from standwatch.content.prefilter import options
from standwatch.content.secrets import entropy

_WEB = r"https?://[^\s<>\"'\x60)\]}|\\]{1,1000}"


def carries(address: bytes) -> bool:
    """Whether a web address holds data of its own: a long or random value in its query, fragment or path, or in the
    labels of its host. The parts are undone (percent) before they are weighed."""
    rest = address.partition(b"://")[2]
    place, _, query = rest.partition(b"?")
    host, _, path = place.partition(b"/")
    values = [pair.partition(b"=")[2] or pair for pair in _long(query.replace(b"#", b"&").split(b"&"), 16)]
    return (
        any(_weighs(value, 16) for value in values)
        or any(_weighs(segment, 28) for segment in _long(path.split(b"/"), 28))
        or labels_carry(host)
    )


def _long(parts: list[bytes], least: int) -> list[bytes]:
    """Those of so many bytes: a text of nothing but short parts costs no step of Python for each of them, though an
    address begins in every few bytes of it and ends a thousand later."""
    return [part for part in parts if len(part) >= least] if max(map(len, parts)) >= least else []


def _weighs(value: bytes, least: int) -> bool:
    """Words in a query (a sentence), or something that looks random. Undoing percents only shortens it."""
    value = unquote_to_bytes(value) if len(value) >= least else b""
    if len(value) < least:
        return False
    sentence = value.count(b" ") + value.count(b"+") >= 4 or len(value) > 200
    return sentence or _random(value)


def _random(value: bytes) -> bool:
    return looks_random(value) or b"@" in value or b"|" in value


_DIGITS, _UPPER, _LOWER = (each.encode() for each in (digits, ascii_uppercase, ascii_lowercase))


def looks_random(value: bytes) -> bool:
    """Digits among letters or both cases mixed, without the separators that words and dates have."""
    plain = value.rstrip(b"=")
    if len(plain) in (32, 36, 40, 64) and not plain.translate(None, b"0123456789abcdef-"):
        return False  # a hash or a UUID, as addresses name things
    size = len(plain)
    separators = plain.count(b"-") + plain.count(b"_") + plain.count(b".")
    if separators > size // 8 or size < 12:
        return False
    numbers = size - len(plain.translate(None, _DIGITS))
    if numbers * 12 < size:
        return False
    mixed = sum(size - len(plain.translate(None, each)) > 1 for each in (_UPPER, _LOWER)) + (numbers > 1) >= 2
    return mixed and entropy(plain) > 2.8


def labels_carry(host: bytes) -> bool:
    """Host labels as a tunnel uses them: a very long or random one, or several long ones."""
    labels = host.split(b":")[0].split(b".")[:-2]
    long = [label for label in labels if len(label) >= 16]
    return any(len(label) >= 40 or looks_random(label) for label in long) or len(long) >= 3


def _address(match: Match) -> bool | None:
    return False if carries(match.value) else None


def _shown(match: Match) -> bool | None:
    """An image is fetched when it is shown: any on another host is told, one that carries data is certain."""
    return carries(match.value)


def _host(match: Match) -> bool | None:
    return False if labels_carry(match.value) else None


def _blob(match: Match) -> bool | None:
    value = match.value.rstrip(b"=")
    if match.before.endswith((b"base64,", b"sha256-", b"sha384-", b"sha512-")):
        return None
    kinds = sum(any(low <= byte <= high for byte in value) for low, high in ((48, 57), (65, 90), (97, 122)))
    return False if kinds == 3 and entropy(value) > 4.2 else None


def _at_least(size: int) -> Callable[[Match], bool | None]:
    """Certain from so many bytes on."""
    return lambda match: len(match.value) >= size


def _tags(match: Match) -> bool | None:
    """Tag characters spell ASCII that nobody sees. After a black flag they are the flag of a region."""
    return None if _FLAG.search(match.before + match.whole) else True


_TAG = r"\xf3\xa0[\x80\x81][\x80-\xbf]"
_FLAG = re2.compile(rf"\xf0\x9f\x8f\xb4(?:{_TAG}){{2,7}}$".encode(), options())
_WIDTHLESS = r"(?:\xe2\x80[\x8b-\x8f]|\xe2\x81[\xa0-\xa4]|\xef\xbb\xbf|\xe1\xa0\x8e|\xcd\x8f)"
_SELECTOR = r"(?:\xef\xb8[\x80-\x8f]|\xf3\xa0(?:[\x84-\x86][\x80-\xbf]|\x87[\x80-\xaf]))"

SEEN = (
    Detector(
        name="image-address",
        kind=EXFILTRATION,
        pattern=(
            rf"(?i)(?:!\[[^\]\x00]{{0,300}}\]\(\s{{0,3}}<?|<img\b[^>\x00]{{0,200}}?\bsrc\s?=\s?[\"']?"
            rf"|!\[[^\]\x00]{{0,300}}\]:\s{{1,3}})({_WEB})"
        ),
        begins=r"!\[|<(?i)img\b",
        about="an image on another host, which is fetched when it is shown; certain where its address carries data",
        reach=1600,
        gate=r"!\[|<(?i)img\b",
        confirm=_shown,
        source="CommonMark 6.4; Markdown images as an exfiltration channel (OWASP LLM02:2025)",
    ),
    Detector(
        name="address-with-data",
        kind=EXFILTRATION,
        pattern=rf"(?i)\b{_WEB}",
        begins=r"(?i)https?://",
        about="a web address whose query, fragment, path or host carries data",
        reach=1020,
        keywords=("http://", "https://"),
        confirm=_address,
        source="length and randomness of the parts of RFC 3986, percent undone",
    ),
    Detector(
        name="host-with-data",
        lead=240,
        kind=EXFILTRATION,
        pattern=r"(?i)\b((?:[a-z0-9_-]{1,63}\.){1,12}[a-z0-9_-]{1,63}\.[a-z]{2,24})\b",
        about="a host name whose labels carry data, as a tunnel through DNS does",
        reach=900,
        gate=r"(?i)[a-z0-9_-]{16}[a-z0-9_-]{0,24}\.",
        confirm=_host,
        source="length and randomness of labels (RFC 1035 allows 63)",
    ),
    Detector(
        name="data-uri",
        kind=EXFILTRATION,
        pattern=(
            r"(?i)\bdata:[a-z]{2,20}/[a-z0-9.+-]{1,60}(?:;[a-z0-9=.+-]{1,40}){0,3};base64,[a-z0-9+/=_-]{16,1000}"
        ),
        begins=r"(?i)data:[a-z]",
        about="a data: address with content in it",
        reach=1240,
        keywords=("data:",),
        source="RFC 2397",
    ),
    Detector(
        name="base64-blob",
        kind=EXFILTRATION,
        # One run, one thread of the automaton: a start is what follows another character.
        pattern=r"(?:^|[^A-Za-z0-9+/_-])([A-Za-z0-9+/_-]{64,1000}={0,2})",
        begins=r"(?:^|[^A-Za-z0-9+/_-])[A-Za-z0-9+/_-]{64}",
        about="a long run of base64",
        reach=1010,
        gate=r"[A-Za-z0-9+/_-]{40}",
        confirm=_blob,
        source="RFC 4648, entropy over 4.2 bits a byte",
    ),
    Detector(
        name="hex-blob",
        kind=EXFILTRATION,
        pattern=r"(?i)\b[0-9a-f]{132,1000}\b",
        begins=r"(?i)\b[0-9a-f]{132}",
        about="a run of hexadecimal longer than any usual hash",
        reach=1010,
        gate=r"(?i)[0-9a-f]{40}",
        confirm=lambda match: False if entropy(match.value) > 2.5 else None,
        source="RFC 4648, section 8",
    ),
)
UNSEEN = (
    Detector(
        name="tag-characters",
        gate=r"\xf3\xa0[\x80\x81]",
        kind=EXFILTRATION,
        pattern=rf"(?:{_TAG}){{1,250}}",
        begins=_TAG,
        about="invisible tag characters, which spell ASCII",
        reach=1010,
        confirm=_tags,
        view=View.RAW,
        source="Unicode 16, 23.9; not those of a flag (UTS 51, C.1)",
    ),
    Detector(
        name="zero-width-run",
        gate=_WIDTHLESS,
        kind=EXFILTRATION,
        pattern=rf"{_WIDTHLESS}{{4,250}}",
        begins=rf"{_WIDTHLESS}{{4}}",
        about="a run of characters without width; certain from eight on",
        reach=1010,
        confirm=_at_least(24),
        view=View.RAW,
        source="Unicode 16, 23.2",
    ),
    Detector(
        name="zero-width-in-words",
        gate=_WIDTHLESS,
        kind=EXFILTRATION,
        pattern=rf"(?:[A-Za-z]{_WIDTHLESS}{{1,3}}){{3,60}}[A-Za-z]",
        begins=rf"[A-Za-z]{_WIDTHLESS}",
        about="Latin letters held apart by characters without width",
        reach=700,
        confirm=lambda match: True,
        view=View.RAW,
        source="no Latin script needs joiners between letters",
    ),
    Detector(
        name="variation-selectors",
        gate=_SELECTOR,
        kind=EXFILTRATION,
        pattern=rf"{_SELECTOR}{{2,250}}",
        begins=rf"{_SELECTOR}{{2}}",
        about="several variation selectors in a row, which carry bytes; certain from four on",
        reach=1010,
        confirm=_at_least(12),
        view=View.RAW,
        source="Unicode 16, 23.4: one follows one character",
    ),
    Detector(
        name="bidi-override",
        gate=r"\xe2\x80[\xad\xae]",
        kind=EXFILTRATION,
        pattern=r"\xe2\x80[\xad\xae]",
        about="an override of the direction of writing: what is read is not what stands there",
        reach=4,
        view=View.RAW,
        source="UAX 9; Boucher and Anderson, Trojan Source (2021)",
    ),
)
DETECTORS = (*SEEN, *UNSEEN)
