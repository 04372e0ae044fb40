"""What steers inside a text: URLs, domains, e-mail addresses, IBANs, card, account and telephone numbers, handles,
paths, addresses of crypto currencies. By shape alone: who may use them is for origins to say.
"""

import re
from collections.abc import Iterator
from typing import Final

import msgspec

from standwatch.flow.decoding import decoded
from standwatch.flow.origin import Shape


class Shaped(msgspec.Struct, frozen=True):
    """A piece of a text, [`start`, `end`), with its shape."""

    kind: Shape
    text: str
    start: int
    end: int


_LENGTHS: Final = (
    "AD24 AE23 AL28 AT20 AZ28 BA20 BE16 BG22 BH22 BI27 BR29 BY28 CH21 CR22 CY28 CZ24 DE22 DJ27 DK18 DO28 EE20 EG29 "
    "ES24 FI18 FK18 FO18 FR27 GB22 GE22 GI23 GL18 GR27 GT28 HR21 HU28 IE22 IL23 IQ23 IS26 IT27 JO30 KW30 KZ20 LB28 "
    "LC32 LI21 LT20 LU20 LV21 LY25 MC27 MD24 ME22 MK19 MN20 MR27 MT31 MU30 NI28 NL18 NO15 OM23 PK24 PL28 PS29 PT25 "
    "QA29 RO24 RS22 RU33 SA24 SC31 SD18 SE24 SI19 SK24 SM27 SO23 ST25 SV28 TL23 TN24 TR26 UA29 VA22 VG24 XK20"
)
IBAN_LENGTHS: Final = {one[:2].lower(): int(one[2:]) for one in _LENGTHS.split()}
"""Characters of an IBAN by country (SWIFT's registry, ISO 13616)."""

_TOP: Final = (
    "com net org info biz io dev app xyz online site website web top shop store club live link click cloud email news "
    "blog tech space world today fun icu vip work life pro mobi name edu gov mil int arpa tel travel jobs coop museum "
    "aero asia cat post example test invalid local onion zip mov bank money finance page digital agency support help "
    "ninja phd dad esq foo ink bio lol wtf rocks chat social team group company center solutions services systems "
    "network host press media download stream video games software technology academy school university consulting "
    "capital financial fund loan loans credit cards cash exchange market trade trading business ltd gmbh inc llc "
    "global international city berlin london paris tokyo nyc one plus red blue pink black wiki review reviews science "
    "party date racing win bid faith cricket accountant men buzz monster quest sbs cfd bond cyou beauty hair skin "
    "makeup autos boats homes motorcycles yachts guru expert directory email photos codes tools run zone care health "
    "law legal tax delivery express direct land house immo tattoo ooo art design studio ai"
)
_COUNTRY: Final = r"(?!py\b|md\b|sh\b|rs\b|pl\b|ps\b|vi\b|am\b|pm\b|eg\b|ie\b)[a-z]{2}"
"""Every top level of two letters, but for what files and abbreviations end in."""

_NAME: Final = r"(?:[^\W_](?:[\w-]{0,61}[\w])?\.){1,8}"
_TOPS: Final = rf"(?:{'|'.join(dict.fromkeys(_TOP.split()))}|{_COUNTRY}|xn--[\w-]{{2,59}})"
_DOMAIN: Final = rf"{_NAME}{_TOPS}"
_TAIL: Final = r"(?:[/?#][^\s<>\"'`|{}^]*)?"

# Behind a letter's colon, an underscore or an asterisk a value begins as behind white space ("IBAN:GB33…", "_x.com_"),
# whatever stands before it; what only looks like one, such as a number in a file's name, does not.
_APART: Final = r"(?<!@)(?<!\w[./\\+-])(?<![^\W_]_)"
_COUNTED: Final = r"(?<!@)(?<!\w[./\\+_-])(?<!\d:)"
_OVER: Final = r"(?![^\W_])"
_GAP: Final = r"[ \t\r\n./_-]{0,3}"
"""What people put between the groups of an IBAN."""

_PATTERNS: Final[tuple[tuple[Shape, str], ...]] = (
    ("url", r"[a-z][a-z0-9+.-]{1,20}://[^\s<>\"'`|{}^]+"),
    ("url", r"(?<!_)(?:javascript|data|mailto|tel|sms|vbscript):[^\s<>\"'`]+"),
    ("email", r"(?<![\w.!#$%&*+/=?^~-])[\w.!#$%&*+/=?^~-]{1,64}@[\w-]{1,63}(?:\.[\w-]{1,63})+"),
    ("url", rf"{_APART}(?:www\.[\w-]+(?:\.[\w-]+)+|{_DOMAIN}(?=[:/?#]))(?::\d{{1,5}})?{_TAIL}"),
    ("url", rf"{_APART}{_NAME}(?:py|md|sh|rs|pl|ps|vi|am|pm|eg|ie)(?=[/?]\w){_TAIL}"),
    ("url", rf"(?<![:/\\])//{_DOMAIN}(?![^\W_]|@){_TAIL}"),
    ("url", rf"{_APART}(?:\d{{1,3}}\.){{3}}\d{{1,3}}(?::\d{{1,5}})?(?:/[^\s<>\"'`]*)"),
    (
        "crypto",
        r"(?:bc1[0-9a-z]{20,60}|[13][1-9A-HJ-NP-Za-km-z]{25,34}|0x[0-9a-f]{40}|[TLMDrX][1-9A-HJ-NP-Za-km-z]{33}"
        rf"|[48][1-9A-HJ-NP-Za-km-z]{{94}}|[1-9A-HJ-NP-Za-km-z]{{43,44}}){_OVER}",
    ),
    ("iban", rf"(?<!@)[a-z]{{2}}\d{{2}}(?:{_GAP}[a-z0-9]){{11,30}}{_OVER}"),
    ("domain", rf"{_APART}(?:{_DOMAIN}|(?:\d{{1,3}}\.){{3}}\d{{1,3}})(?![^\W_]|@)(?!\.[^\W_])"),
    (
        "path",
        r"(?<!@)(?<![/\\])(?<!\w[.:/\\+_-])(?:(?:~|\.{1,2}|[a-z]:)?[/\\](?:[\w.@+-]+[/\\])+[\w.@+-]*|~/[\w.@+-]+"
        r"|[a-z]:\\[\w.@+-]+)",
    ),
    ("phone", rf"(?<!@)(?<!\w[./\\+-])\+\d[\d ().\-/]{{5,24}}\d{_OVER}"),
    ("account", rf"{_COUNTED}\d(?:[ -]?\d){{6,33}}{_OVER}(?![.,:/-]\d)"),
    (
        "phone",
        rf"{_COUNTED}\(?\d{{2,5}}\)?[ .\-/]\d{{2,5}}(?:[ .\-/]\d{{2,6}}){{1,4}}{_OVER}(?![.,:/-]\d)",
    ),
)
_ANYWHERE: Final[tuple[tuple[Shape, str], ...]] = (
    ("url", r"(?:https?|ftps?|wss?)://[^\s<>\"'`|{}^]+"),
    ("domain", rf"@{_DOMAIN}(?![^\W_]|@)(?!\.[^\W_])"),
    ("handle", r"(?<![\w@])(?<!\w[.:/\\+_-])@(?!https?:)\w{2,40}(?:\.\w{1,40})*"),
)
"""What begins even within a word: `seehttps://…`, and the host of an address whose local part is quoted or too long."""


def _alternatives(patterns: tuple[tuple[Shape, str], ...], first: int) -> str:
    return "|".join(f"(?P<g{first + place}>{each})" for place, (_, each) in enumerate(patterns))


_ALL: Final = re.compile(
    rf"(?<![^\W_])(?:{_alternatives(_PATTERNS, 0)})|{_alternatives(_ANYWHERE, len(_PATTERNS))}",
    re.IGNORECASE,
)
_KINDS: Final[dict[str, Shape]] = {
    f"g{place}": kind for place, (kind, _) in enumerate((*_PATTERNS, *_ANYWHERE))
}
_WITHIN: Final = re.compile(r"\w[./\\+-]$")
_DATE: Final = re.compile(
    r"\d{4}[-. ]\d{1,2}[-. ]\d{1,2}(?:[- ]\d{1,2}){0,3}|\d{1,2}[-. ]\d{1,2}[-. ]\d{2,4}"
)


_TELLING: Final = re.compile(r"[0-9@./:\\%&=]|(?i:xn--)")
_ENCODED: Final = re.compile(r"[A-Za-z_+-]{12}")


def silent(text: str) -> bool:
    """Whether nothing can steer inside `text`, encoded or not: nothing in it that every shape and every encoding has.
    Text in base64 has both capitals and small letters."""
    return (
        text.isascii()
        and _TELLING.search(text) is None
        and (text.islower() or text.isupper() or _ENCODED.search(text) is None)
    )


_LEADING: Final = re.compile(r"[./:\\@]")


def leads_nowhere(text: str) -> bool:
    """Whether `text` has neither a URL nor a domain, encoded or not: each has a full stop or a colon."""
    return text.isascii() and _LEADING.search(text) is None and next(decoded(text), None) is None


def shapes(text: str) -> Iterator[Shaped]:
    """The pieces of `text` that could steer, in their order; none inside another."""
    at = 0
    while (match := _ALL.search(text, at)) is not None:
        found = _shaped(match)
        if found is None:
            at = match.start() + 1
            continue
        yield found
        at = max(found.end, match.start() + 1)


def _shaped(match: re.Match[str]) -> Shaped | None:
    kind: Shape | None = _KINDS[match.lastgroup or "g0"]
    text, start = match.group(), match.start()
    match kind:
        case "domain" if text.startswith("@"):
            text, start = text[1:], start + 1
        case "url" | "email" | "domain" | "path":
            text = _trimmed(text)
        case "iban":
            within = text[:2].lower() not in IBAN_LENGTHS and _WITHIN.search(
                match.string[max(0, start - 2) : start]
            )
            text = "" if within else iban_in(text)
        case "crypto" if len(text) in (43, 44, 34, 95) and not _mixed(text):
            text = ""
        case "account" | "phone":
            kind = _of_digits(text, kind)
        case _:
            pass
    return Shaped(kind, text, start, start + len(text)) if text and kind is not None else None


def _mixed(text: str) -> bool:
    """Whether there are small letters, capitals and digits, as in base58 there nearly always are."""
    return any(map(str.isdigit, text)) and not (text.islower() or text.isupper())


def _trimmed(text: str) -> str:
    """Without the punctuation that a sentence puts behind it, and the bracket around it."""
    end, loose = len(text), {")": text.count(")") - text.count("("), "]": text.count("]") - text.count("[")}
    while end and (text[end - 1] in ".,;:!?*_…" or loose.get(text[end - 1], 0) > 0):
        end -= 1
        if text[end] in loose:
            loose[text[end]] -= 1
    return text[:end]


def iban_in(text: str) -> str:
    """The IBAN at the beginning of `text`, as it is written there: as long as its country's are. "" where none is."""
    squeezed = "".join(each for each in text if each.isalnum())
    length = IBAN_LENGTHS.get(squeezed[:2].lower(), 0)
    if not length:
        length = _unregistered(text)
    end, seen = 0, 0
    while end < len(text) and seen < length:
        seen += text[end].isalnum()
        end += 1
    if seen != length or (end < len(text) and text[end].isalnum()):
        return ""
    return text[:end] if sum(each.isdigit() for each in text[:end]) >= 8 else ""


def _unregistered(text: str) -> int:
    """The length of something like an IBAN of a country that has none: up to the last group that has a digit."""
    found = 0
    seen = 0
    for group in re.split(r"[ \t\r\n./_-]+", text):
        seen += len(group)
        if not any(each.isdigit() for each in group):
            break
        found = seen
    return found


def _of_digits(text: str, kind: Shape) -> Shape | None:
    digits = "".join(each for each in text if each.isdigit())
    if _DATE.fullmatch(text) or not 7 <= len(digits) <= 34:
        return None
    if 13 <= len(digits) <= 19 and _luhn(digits):
        return "card"
    if kind == "account" and " " in text and len(digits) <= 15:
        return "phone"
    return kind


def _luhn(digits: str) -> bool:
    """ISO/IEC 7812-1 annex B."""
    doubled = (int(each) * 2 for each in digits[-2::-2])
    return (sum(map(int, digits[-1::-2])) + sum(each - 9 if each > 9 else each for each in doubled)) % 10 == 0


def url_form(text: str) -> tuple[str, str]:
    """A URL's scheme ("" for none) and the rest as it is compared: host in lower case, no default port, no last
    slash."""
    scheme, mark, rest = text.partition("://")
    if not mark:
        scheme, rest = "", text
    scheme, rest = scheme.lower(), rest.replace("\\", "/")
    end = min((at for at in (rest.find(each) for each in "/?#") if at >= 0), default=len(rest))
    host = rest[:end].lower()
    host = host.removesuffix(":443" if scheme == "https" else ":80" if scheme in ("http", "") else ":")
    return scheme, host + rest[end:].rstrip("/")


def host_of(text: str) -> str:
    """The host that a URL, a domain or an e-mail address leads to, in lower case."""
    rest = url_form(text)[1]
    end = min((at for at in (rest.find(each) for each in "/?#") if at >= 0), default=len(rest))
    return rest[:end].rpartition("@")[2].partition(":")[0]
