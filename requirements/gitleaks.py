"""`gitleaks.py SOURCE VERSION`: writes src/standwatch/content/data/gitleaks.json from gitleaks' own rules (MIT).

SOURCE is gitleaks' `config/gitleaks.toml`, or anything that holds it as text: its executable, or a wheel around that.
Facts are kept as they are (names, patterns, entropies, allow-lists); a pattern is changed only as `adapt` says, because
every pattern here has a longest match: without one no stream could be read in bounded memory.
"""

from __future__ import annotations

import hashlib
import json
import re
import sys
import tomllib
import warnings
import zipfile
from pathlib import Path
from re import _parser as parser  # type: ignore[attr-defined]
from typing import Any

TARGET = Path(__file__).resolve().parent.parent / "src/standwatch/content/data/gitleaks.json"
BEGIN = b"# This file has been auto-generated. Do not edit manually."
ASSIGNED = r"[\w.-]{0,50}?"
AFTER = r"""(?:[\x60'"\s;]|\\[nr]|$)"""
OUR_AFTER = r"""(?:[\x60'"\s;,.:!?)\]}<>&|*]|\\[nrt"'\x60]|$)"""
TEXT_LAZY = r"[^\x00]{0,1000}?" * 8
LONG = 1000  # of a value whose rule gives no longest length; RE2 repeats no more than this
SHORT = 200

REPLACED = {
    "private-key": (
        r"(?i)-----BEGIN[ A-Z0-9_-]{0,100}PRIVATE KEY(?: BLOCK)?-----(?:"
        + TEXT_LAZY
        + r"-----END[ A-Z0-9_-]{0,100}KEY(?: BLOCK)?-----|"
        + r"[A-Za-z0-9+/=\s\\,:]{0,1000}" * 8
        + ")",
        "the body has a longest length (8,000), and an end that is missing does not hide the key",
    ),
    "jwt": (
        r"\b(ey[a-zA-Z0-9]{17,1000}\.ey"
        + r"[a-zA-Z0-9/\\_-]{17,1000}"
        + r"[a-zA-Z0-9/\\_-]{0,1000}" * 3
        + r"\.(?:[a-zA-Z0-9/\\_-]{10,1000}={0,2})?)"
        + r"(?:[^\w/=-]|$)",
        "each part has a longest length (1,000, 4,000, 1,000), and punctuation of prose may follow",
    ),
    "curl-auth-user": (
        r"\bcurl\b[^\x00]{0,400}?[ \t\n\r](?:-u|--user)(?:=|[ \t]{0,5})"
        r"(\"(?::[^\"]{3,80}|[^:\"]{3,80}:|[^:\"]{3,80}:[^\"]{3,80})\"|'[^:']{3,80}:[^']{3,80}'"
        r"|(?:\"[^\"]{3,80}\"|'[^']{3,80}'|[\w$@.-]{1,80}):(?:\"[^\"]{3,80}\"|'[^']{3,80}'|[\w${}@.-]{1,80}))(?:\s|\z)",
        "the command line has a longest length (400)",
    ),
}
LEFT_OUT = {
    "pkcs12-file": "names files, not text",
    "curl-auth-header": "our `authorization-header` finds the header with and without curl",
}
GATES = {  # where gitleaks' keyword stands in ordinary prose: a short pattern that stands in every match
    "generic-api-key": r"(?i)(?:access|auth|api|credential|creds|key|passw(?:or)?d|secret|token)[ \t\w.-]{0,20}"
    r"[\s'\"]{0,3}(?:=|>|:|\|\||\?=|,)[>=:\x60'\"\s]{0,8}[\w.=+/-]{5}",
    "jwt": r"\bey[a-zA-Z0-9]{17}",
    "twilio-api-key": r"SK[0-9a-fA-F]{8}",
    "aws-access-token": r"\bA(?:3T[A-Z0-9]|KIA|SIA|BIA|CCA)[A-Z2-7]{8}",
    "1password-secret-key": r"\bA3-[A-Z0-9]{6}-",
    "sendgrid-api-token": r"(?i)\bSG\.[a-z0-9=_\-\.]{20}",
    "azure-ad-client-secret": r"\dQ~[a-zA-Z0-9_~.-]{8}",
    "authress-service-client-access-key": r"(?i)\b(?:sc|ext|scauth|authress)_[a-z0-9]{5,30}\.[a-z0-9]{4}",
    "vault-service-token": r"(?i)\b(?:hvs\.[\w-]{20}|s\.[a-z0-9]{20})",
    "huggingface-access-token": r"(?i)hf_[a-z]{8}",
    "flyio-access-token": r"\b(?:fo1_|fm1[ar]_|fm2_)",
}

# Bytes of a match that may stand before the keyword or gate that wakes its search, where they are more than 72.
LEADS = {"kubernetes-secret-yaml": 1_200, "microsoft-teams-webhook": 240}


def source(path: Path) -> bytes:
    """gitleaks.toml, found in whatever holds it."""
    data = path.read_bytes()
    if path.suffix == ".whl":
        with zipfile.ZipFile(path) as wheel:
            data = max((wheel.read(each) for each in wheel.namelist()), key=len)
    begin = data.index(BEGIN)
    end = data.find(b"\x00", begin)
    text = data[begin : end if end >= 0 else len(data)]
    for cut in sorted((each.end() for each in re.finditer(rb"\n", text)), reverse=True):
        try:
            tomllib.loads(text[:cut].decode())
        except (tomllib.TOMLDecodeError, UnicodeDecodeError):
            continue
        return text[:cut]
    raise SystemExit(f"{path}: no rules of gitleaks in it")


def adapt(rule: dict[str, Any]) -> tuple[str, list[str]]:
    """The pattern as we run it, and what was changed in it."""
    if rule["id"] in REPLACED:
        pattern, why = REPLACED[rule["id"]]
        return pattern, [why]
    pattern: str = rule["regex"]
    notes: list[str] = []
    while ASSIGNED in pattern:
        pattern = pattern.replace(ASSIGNED, "", 1)
        notes = ["begins at its keyword"]
    pattern = re.sub(r"\(\?P<\w+>", "(?:", pattern).replace("[:alnum:]", "a-zA-Z0-9")
    if AFTER in pattern:
        pattern = pattern.replace(AFTER, OUR_AFTER)
        notes.append("punctuation of prose may follow")
    bounded = bound(pattern)
    if bounded != pattern:
        notes.append("repeats have a longest length")
    return bounded, notes


def bound(pattern: str) -> str:
    """Open repeats get an end: 1,000 where at least fifty are asked for, else 200."""
    out: list[str] = []
    at, inside = 0, False
    while at < len(pattern):
        char = pattern[at]
        if char == "\\":
            out.append(pattern[at : at + 2])
            at += 2
            continue
        if inside:
            inside = char != "]"
        elif char == "[":
            inside = True
        elif char in "*+":
            char = f"{{{int(char == '+')},{SHORT}}}"
        elif many := re.match(r"\{(\d+),\}", pattern[at:]):
            char = f"{{{many[1]},{LONG if int(many[1]) >= 50 else SHORT}}}"
            at += many.end() - 1
        out.append(char)
        at += 1
    return "".join(out)


def longest(pattern: str) -> int:
    """Bytes of the longest match: Python's own parser measures the pattern, without flags it would not take there."""
    plain = re.sub(r"\(\?-?[is]+\)", "", pattern)
    plain = re.sub(r"\(\?-?[is]+(?:-[is]+)?:", "(?:", plain).replace(r"\z", r"\Z")
    with warnings.catch_warnings(action="ignore", category=FutureWarning):
        high = parser.parse(plain).getwidth()[1]
    if high > 20_000:
        raise SystemExit(f"no longest match: {pattern}")
    return int(high)


def entry(rule: dict[str, Any]) -> dict[str, Any]:
    pattern, notes = adapt(rule)
    gate = GATES.get(rule["id"], "")
    lists: list[dict[str, Any]] = rule.get("allowlists", [])
    return {
        "id": rule["id"],
        "about": rule["description"],
        "pattern": pattern,
        "keywords": [] if gate else [each.lower() for each in rule["keywords"]],
        "gate": gate,
        "entropy": rule.get("entropy", 0),
        "reach": longest(pattern) + 2,
        "lead": LEADS.get(rule["id"], 72),
        "assigned": ASSIGNED in rule["regex"] or rule["id"].startswith("generic"),
        "allow": texts(lists, "secret"),
        "allow_match": texts(lists, "match"),
        "stopwords": [each.lower() for a in lists for each in a.get("stopwords", [])],
        "adapted": notes,
    }


def texts(lists: list[dict[str, Any]], target: str) -> list[str]:
    """What the allow-lists of a rule say about this part of a match; paths and lines do not concern us."""
    about = (each for each in lists if each.get("regexTarget", "secret") == target)
    return [text for each in about for text in each.get("regexes", [])]


def main() -> None:
    text = source(Path(sys.argv[1]))
    rules = tomllib.loads(text.decode())
    kept = [entry(each) for each in rules["rules"] if each["id"] not in LEFT_OUT]
    document = {
        "of": "gitleaks",
        "version": sys.argv[2],
        "licence": "MIT, see gitleaks.LICENSE beside this file",
        "sha256": hashlib.sha256(text).hexdigest(),
        "left_out": LEFT_OUT,
        "allow": rules["allowlist"]["regexes"],
        "stopwords": [each.lower() for each in rules["allowlist"]["stopwords"]],
        "rules": kept,
    }
    TARGET.write_text(json.dumps(document, indent=1, ensure_ascii=False) + "\n")
    print(f"gitleaks: {len(kept)} rules of {sys.argv[2]}")


if __name__ == "__main__":
    main()
