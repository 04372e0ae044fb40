"""One argument, taken for what its receiver takes it for."""

import re
from typing import Any, Final, cast

from standwatch.enforce.idioms import addresses, paths, shell, sql, urls
from standwatch.facts.rules import ArgumentRule, ReadsAs
from standwatch.facts.words import Effect

_SAFE: Final = frozenset({"GET", "HEAD", "OPTIONS"})
_BODIES: Final = frozenset({"body", "data", "json", "content", "payload", "form", "files", "params_body"})
MOST: Final = 1_000
"""Texts of one argument that are looked at; of more, a person is asked."""
_QUOTING: Final = re.compile(r"[^A-Za-z0-9_@%+=:,./-]")


def far_reaching(rule: ArgumentRule, name: str, effect: Effect, arguments: dict[str, Any]) -> str:
    """Why a person should look at argument `name`, by `rule.reads_as`; "" for no reason."""
    if not rule.reads_as:
        return ""
    value = arguments[name]
    if rule.reads_as == "recipients":
        found = addresses.crowd([value])
    elif rule.reads_as == "shell" and isinstance(value, list):
        found = shell.danger(command_line(cast("list[Any]", value)) or "")
    else:
        texts = _texts(value)
        found = next(filter(None, (_of(rule.reads_as, one, effect) for one in texts[:MOST])), "")
        found = found or ("more than is looked at" if len(texts) > MOST else "")
    if not found and rule.sends_to and _sends(effect, arguments):
        away = [one for one in _texts(value) if not urls.among(one, rule.sends_to)]
        found = f"something is sent to {away[0][:120]!r}" if away else ""
    return f"{name}: {found}" if found else ""


def command_line(value: Any) -> str | None:
    """The command line that an argument is: a text, or words each quoted for itself; None for anything else."""
    if isinstance(value, list):
        return " ".join(_quoted(str(one)) for one in cast("list[Any]", value))
    return value if isinstance(value, str) else None


def _of(kind: ReadsAs, text: str, effect: Effect) -> str:
    match kind:
        case "shell":
            return shell.danger(text)
        case "sql":
            return sql.asked(text)
        case "url":
            return urls.inside(text)
        case "path":
            return paths.reading(text) or ("" if effect == "read" else paths.writing(text))
        case "message":
            return addresses.mention(text)
        case "recipients" | "":
            return ""


def _sends(effect: Effect, arguments: dict[str, Any]) -> bool:
    """Whether the call carries something out: by its method where it names one, else by having a body."""
    method = arguments.get("method")
    if isinstance(method, str):
        return method.strip().upper() not in _SAFE
    return effect == "irreversible" or bool(_BODIES & arguments.keys())


def _texts(value: Any) -> list[str]:
    if isinstance(value, str):
        return [value]
    if isinstance(value, list):
        return [one for each in cast("list[Any]", value) for one in _texts(each)]
    return _texts(list(cast("dict[str, Any]", value).values())) if isinstance(value, dict) else []


def _quoted(word: str) -> str:
    return "'" + word.replace("'", "'\\''") + "'" if not word or _QUOTING.search(word) else word
