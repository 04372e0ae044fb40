"""Secrets: gitleaks' rules (data/gitleaks.json), and three of our own for what stands in headers, addresses and prose.

A rule's match is confirmed as gitleaks does it: entropy of the value, allow-lists, stop words. Beyond that, a value
whose form carries a checksum, or that nothing else looks like, is certain.
"""

import math
import zlib
from base64 import urlsafe_b64decode
from collections import Counter
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import msgspec
import re2

from standwatch.content.detector import Detector, Match
from standwatch.content.found import SECRET
from standwatch.content.prefilter import options

DATA = Path(__file__).parent / "data" / "gitleaks.json"
_DIGITS = "0123456789"
_UPPER = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
_BASE62 = (_DIGITS + _UPPER + _UPPER.lower(), _DIGITS + _UPPER.lower() + _UPPER)
_BASE36 = _DIGITS + _UPPER.lower()


class Rule(msgspec.Struct, frozen=True):
    """One rule of gitleaks as requirements/gitleaks.py writes it."""

    id: str
    about: str
    pattern: str
    keywords: tuple[str, ...]
    gate: str
    entropy: float
    reach: int
    lead: int
    assigned: bool
    allow: tuple[str, ...]
    allow_match: tuple[str, ...]
    stopwords: tuple[str, ...]
    adapted: tuple[str, ...]


class Rules(msgspec.Struct, frozen=True):
    """The file: gitleaks' rules of one version, and what holds for all of them."""

    of: str
    version: str
    licence: str
    sha256: str
    left_out: dict[str, str]
    allow: tuple[str, ...]
    stopwords: tuple[str, ...]
    rules: tuple[Rule, ...]


@cache
def rules() -> Rules:
    return msgspec.json.decode(DATA.read_bytes(), type=Rules)


def entropy(value: bytes) -> float:
    """Shannon's, in bits a byte: what gitleaks compares with a rule's threshold."""
    size = len(value)
    return -sum(count / size * math.log2(count / size) for count in Counter(value).values())


def _any_of(patterns: tuple[str, ...], *, literal: bool = False) -> Callable[[bytes], bool]:
    """Whether one of these stands in a value; compiled when first asked."""
    if not patterns:
        return lambda value: False

    @cache
    def regexp() -> Any:
        parts = (re2.escape(each) if literal else each for each in patterns)
        return re2.compile("|".join(f"(?:{part})" for part in parts).encode(), options())

    return lambda value: regexp().search(value) is not None


def _confirm(rule: Rule) -> Callable[[Match], bool | None]:
    everywhere = _everywhere()
    allowed, allowed_match = _any_of(rule.allow), _any_of(rule.allow_match)
    stopped = _any_of(rule.stopwords, literal=True)
    checked = _CHECKED.get(rule.id)
    certain = not rule.assigned and rule.id not in _WEAK
    keywords = tuple(each.encode() for each in rule.keywords)
    generic = rule.id.startswith("generic")

    def confirm(match: Match) -> bool | None:
        value = match.value
        if rule.entropy and entropy(value) <= rule.entropy:
            return None
        if generic and not any(48 <= byte <= 57 for byte in value):
            return None
        if keywords and not any(
            word in (match.before + match.whole + match.after).lower() for word in keywords
        ):
            return None  # gitleaks asks for one in the same file
        if everywhere(value) or allowed(value) or allowed_match(match.whole) or stopped(value.lower()):
            return None
        return checked(value) if checked else certain

    return confirm


@cache
def _everywhere() -> Callable[[bytes], bool]:
    patterns = _any_of(rules().allow)
    words = _any_of(rules().stopwords, literal=True)
    return lambda value: patterns(value) or words(value.lower())


# Forms that other things also have: a value that matches is not certain for its form alone.
_WEAK = frozenset(
    {
        "twilio-api-key",
        "kubernetes-secret-yaml",
        "curl-auth-user",
        "vault-service-token",
        "nuget-config-password",
    }
)


def _number(digits: str, alphabet: str) -> int:
    value = 0
    for digit in digits:
        value = value * len(alphabet) + alphabet.index(digit)
    return value


def crc_base62(value: bytes) -> bool:
    """GitHub (github.blog, 'Behind GitHub's new authentication token formats', 2021) and npm: the last six of what
    follows the prefix are the CRC-32 of the thirty before, in base 62."""
    token = value.decode("ascii", "replace").rpartition("_")[2]
    if len(token) != 36 or not token.isalnum() or not token.isascii():
        return False
    check = zlib.crc32(token[:30].encode())
    return any(_number(token[30:], alphabet) == check for alphabet in _BASE62)


def crc_base36(value: bytes) -> bool:
    """GitLab's routable tokens (docs: 'Token format'): the last seven are the CRC-32 of all before, in base 36."""
    text = value.decode("ascii", "replace")
    if not all(each in _BASE36 for each in text[-7:]):
        return False
    return _number(text[-7:], _BASE36) == zlib.crc32(text[:-7].encode())


def is_jwt(value: bytes) -> bool | None:
    """RFC 7519: the first part is a JSON object with `alg` (or an encrypted one with `enc`)."""
    head = value.split(b".", 1)[0]
    try:
        header = msgspec.json.decode(urlsafe_b64decode(head + b"=" * (-len(head) % 4)), type=dict[str, Any])
    except (ValueError, msgspec.DecodeError):
        return False
    return "alg" in header or "enc" in header


_CHECKED: dict[str, Callable[[bytes], bool | None]] = {
    "github-pat": crc_base62,
    "github-oauth": crc_base62,
    "github-app-token": crc_base62,
    "github-refresh-token": lambda value: True,  # 76 characters behind its prefix
    "npm-access-token": crc_base62,
    "gitlab-pat-routable": crc_base36,
    "gitlab-runner-authentication-token-routable": crc_base36,
    "jwt": is_jwt,
}


# How matches begin of rules whose values repeat long (searching.py says why).
_BEGINS = {
    "1password-service-account-token": r"ops_eyJ",
    "aws-amazon-bedrock-api-key-long-lived": r"ABSK",
    "facebook-page-access-token": r"EAA[MC]",
    "flyio-access-token": r"fo1_|fm1[ar]_|fm2_",
    "gitlab-pat-routable": r"glpat-",
    "gitlab-runner-authentication-token-routable": r"glrt-t",
    "grafana-api-key": r"(?i)eyJrIjoi",
    "grafana-cloud-api-token": r"(?i)glc_",
    "jwt": r"\bey[a-zA-Z0-9]{17}",
    "jwt-base64": r"ZXlK",
    "microsoft-teams-webhook": r"https://[a-z0-9]",
    "nuget-config-password": r"(?i)<add key=",
    "pypi-upload-token": r"pypi-AgEIcHlwaS5vcmc",
    "sentry-org-token": r"sntrys_eyJpYXQiO",
    "slack-app-token": r"(?i)xapp-",
    "slack-bot-token": r"xoxb-",
    "slack-legacy-token": r"xox[os]-",
    "vault-batch-token": r"hvb\.",
}


def _detector(rule: Rule) -> Detector:
    return Detector(
        name=rule.id,
        kind=SECRET,
        pattern=rule.pattern,
        about=rule.about,
        reach=rule.reach,
        lead=rule.lead,
        keywords=rule.keywords,
        gate=rule.gate,
        begins=_BEGINS.get(rule.id, ""),
        confirm=_confirm(rule),
        source=f"gitleaks {rules().version}" + ("; " + ", ".join(rule.adapted) if rule.adapted else ""),
    )


def _strong(least: float) -> Callable[[Match], bool | None]:
    def confirm(match: Match) -> bool | None:
        value = match.value
        mixed = sum(
            any(low <= byte <= high for byte in value) for low, high in ((48, 57), (65, 90), (97, 122))
        )
        return None if entropy(value) <= least or mixed < 2 or _everywhere()(value) else False

    return confirm


def _bearer(match: Match) -> bool | None:
    return None if entropy(match.value) <= 2.5 or _placeholder(match.value) else True


def _password_of_address(match: Match) -> bool | None:
    return None if _placeholder(match.value) else True


def _prefixed(match: Match) -> bool | None:
    """Never certain; none where all of it is one letter, as in a template."""
    return None if len(set(match.value[7:])) < 6 else False


_placeholder = _any_of(
    (r"(?i)^(?:<.*|\$.*|\{.*|%.*|x+|\*+|\.+|password|passwd|pass|pwd|secret|token|your.*|example.*)$",)
)

OWN = (
    Detector(
        name="authorization-header",
        kind=SECRET,
        pattern=r"(?i)\bauthorization[\"']?\s{0,3}[:=]\s{0,3}[\"']?(?:basic|bearer|token|api-?key)\s{1,3}([\w=~@.+/-]{8,1000})",
        begins=r"(?i)authorization",
        about="credentials in an HTTP Authorization header",
        reach=1060,
        keywords=("authorization",),
        confirm=_bearer,
        source="RFC 9110, 11.6.2",
    ),
    Detector(
        name="url-credentials",
        kind=SECRET,
        pattern=r"\b[a-z][a-z0-9+.-]{1,30}://[^\s:/@\"'<>]{0,100}:([^\s:/@\"'<>]{3,200})@[A-Za-z0-9\[]",
        begins=r"\b[a-z][a-z0-9+.-]{1,30}://",
        about="a password in an address",
        reach=340,
        gate=r"://[^\s:/@\"'<>]{0,40}:",
        confirm=_password_of_address,
        source="RFC 3986, 3.2.1",
    ),
    Detector(
        # Shorter than the vendor's, or the one in its handbook: not certain, and nobody needs it in an argument.
        name="vendor-prefix",
        kind=SECRET,
        pattern=r"\b((?:AKIA|ASIA)[0-9A-Z]{16}|sk-ant-[\w-]{20,200}|sk-proj-[\w-]{20,200}|xox[abeoprs]-[0-9A-Za-z-]{10,200}"
        r"|gh[opusr]_[0-9A-Za-z]{30,80}|glpat-[\w-]{16,60}|npm_[0-9A-Za-z]{30,60}|sk_live_[0-9A-Za-z]{16,120})\b",
        begins=r"AKIA|ASIA|sk-ant-|sk-proj-|xox[abeoprs]-|gh[opusr]_|glpat-|npm_|sk_live_",
        about="a text that begins as a vendor's keys do",
        reach=220,
        gate=r"AKIA|ASIA|sk-ant-|sk-proj-|xox[abeoprs]-|gh[opusr]_|glpat-|npm_|sk_live_",
        confirm=_prefixed,
        source="the vendors' documentation of their keys",
    ),
    Detector(
        name="password-in-words",
        kind=SECRET,
        pattern=r"(?i)\b(?:password|passwort|passphrase|mot de passe|contrase(?:n|\xc3\xb1)a|api[ -]?key"
        r"|secret key|access token)(?: (?:is|ist|est|es|was|war))?(?::| =|=)?\s{1,2}[\"'\x60]?([^\s\"'\x60]{8,100})",
        about="a password or key that a sentence names",
        reach=150,
        keywords=(
            "password",
            "passwort",
            "passphrase",
            "mot de passe",
            "contrase",
            "api key",
            "api-key",
            "apikey",
            "secret key",
            "access token",
        ),
        confirm=_strong(2.75),
    ),
)


@cache
def detectors() -> tuple[Detector, ...]:
    return (*(_detector(each) for each in rules().rules), *OWN)
