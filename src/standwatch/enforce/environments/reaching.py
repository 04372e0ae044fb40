"""Programs that reach somewhere: what their options, variables and words say, and what they leave unsaid."""

from __future__ import annotations

import re
from typing import Final

from standwatch.enforce.environments import places
from standwatch.enforce.environments.claims import Claims
from standwatch.enforce.environments.families import KUBERNETES, Family
from standwatch.enforce.environments.said import Said
from standwatch.enforce.environments.selecting import kubernetes, selected, stacks, statements
from standwatch.enforce.environments.values import claim, tells, value_of, variable
from standwatch.enforce.idioms.line import Word
from standwatch.facts.environments import Kind

_SETS: Final = re.compile(r"[A-Z][A-Z0-9_]+=")


def family_of(claims: Claims, family: Family, said: Said) -> None:
    told = set[Kind]()
    if said.body:
        statements(claims, said.body)
    for one in said.words:
        if _SETS.match(one.text):  # `rake db:drop RAILS_ENV=production`
            name, _, text = one.text.partition("=")
            value = value_of(claims, Word(text, expands=one.expands))
            claims.variables[name] = value or ""
            variable(claims, name, value)
    for name, kind in family.variables.items():
        if (value := claims.variables.get(name)) is not None and value:
            claim(claims, kind, value, f"{name}={value}")
            told |= tells(kind)
    named, kinds = options_of(claims, family, said)
    told |= kinds
    elsewhere: tuple[Kind, ...] = ()
    if any(one.text.startswith(("--kubeconfig", "--server", "-s")) for one in said.words):
        elsewhere = ("contexts", "namespaces")
    if any(one.text.startswith("-chdir") for one in said.words):
        elsewhere = ("workspaces",)
    for kind, value in claims.around.items():
        if kind in family.kinds and kind not in elsewhere:
            told.add(kind)
            claim(claims, kind, value, f"{value} (where it stands)")
    if family is KUBERNETES:
        told |= kubernetes(claims, said, named)
    elif family.words is not None:
        told |= _named(claims, family, named)
    if said.name in ("terraform", "tofu", "terragrunt", "pulumi"):
        told |= stacks(claims, said, named)
    if said.name in ("aws", "gcloud", "az", "doctl", "firebase", "supabase", "vercel", "netlify", "docker"):
        told |= selected(claims, said, named)
    if said.name in ("vercel", "netlify") and any(
        one.text in ("--prod", "--production") for one in said.words
    ):
        claims.say("names", "production", f"{said.name} --prod")
        told.add("names")
    if said.name in ("sqlite3", "duckdb"):
        return
    if family.kinds and not _here(claims, told):
        claims.doubt(family.kinds, f"{said.name} goes where its own settings say", frozenset(told))


def _here(claims: Claims, told: set[Kind]) -> bool:
    """Whether it goes to this machine, whatever else is not said."""
    hosts = [one.value for one in claims.found if one.kind == "hosts" and one.value is not None]
    return "hosts" in told and bool(hosts) and all(places.loopback(one) for one in hosts)


def options_of(claims: Claims, family: Family, said: Said) -> tuple[list[Word], set[Kind]]:
    """Claims of the options; what is no option, and the kinds that were told."""
    named, told, words = list[Word](), set[Kind](), list(said.words)
    while words:
        word = words.pop(0)
        found = _option(family, word, words)
        if found is None:
            if word.text == "--":
                named += words
                break
            if word.text in family.valued and words:
                _mentions(claims, words.pop(0))
            elif not word.text.startswith("-") or word.text == "-":
                named.append(word)
            else:
                places.word(claims, word.text.partition("=")[2])
            continue
        kind, value_word = found
        value = value_of(claims, value_word)
        if value is None:
            claims.doubt((), f"{word.text} {value_word.text} is known only when it runs")
        else:
            claim(claims, kind, value, f"{word.text} {value}" if word is not value_word else word.text)
            told |= tells("urls" if kind == "databases" and re.search(r"://|\bhost\w*\s*=", value) else kind)
    return named, told


def _mentions(claims: Claims, word: Word) -> None:
    """The value of an option that says nothing of places by itself, but for a URL as a whole and a Host header."""
    value = value_of(claims, word) or ""
    places.url(claims, value)
    name, sign, rest = value.partition(":")
    if sign and name.casefold() in ("host", "x-forwarded-host"):
        places.host(claims, rest.strip(), value)
    if re.match(r"(?i)(?:hostname|proxyjump|proxycommand|hostkeyalias)\s*[= ]", value):
        places.mentioned(claims, value)
    statements(claims, value)


def _option(family: Family, word: Word, rest: list[Word]) -> tuple[Kind, Word] | None:
    """The kind and the value where `word` is an option of the family; its value is taken from `rest` where it stands
    there."""
    text = word.text
    if len(text) < 2 or not text.startswith("-"):
        return None
    name, sign, value = text.partition("=")
    kind: Kind | None = family.options.get(name)
    if kind is None and name.startswith("--") and len(name) > 4:
        kind = next((family.options[option] for option in family.options if option.startswith(name)), None)
    if kind is not None:
        behind = Word(value, expands=word.expands) if sign else rest.pop(0) if rest else Word("")
        return kind, behind
    if text.startswith("--"):
        return None
    for place, letter in enumerate(text[1:8], 1):
        short = f"-{letter}"
        if short in family.options and (place == 1 or text[1:place].isalpha()):
            value = text[place + 1 :].removeprefix("=")
            if value:
                return family.options[short], Word(value, expands=word.expands)
            return family.options[short], rest.pop(0) if rest else Word("")
        if short in family.valued or not letter.isalpha():
            return None
    return None


def _named(claims: Claims, family: Family, named: list[Word]) -> set[Kind]:
    """Words that are no options: hosts, databases, stages."""
    told = set[Kind]()
    assert family.words is not None
    for place, word in enumerate(named):
        value = value_of(claims, word)
        if value is None:
            claims.doubt((), f"{word.text} is known only when it runs")
            continue
        if family.words == "hosts" and place and not ("://" in value or "." in value):
            continue
        kind: Kind = "urls" if "://" in value else family.words
        if family.words == "databases" and place and "://" not in value and "=" not in value:
            continue
        if kind == "hosts":
            value = value.partition("/")[0]
        claim(claims, kind, value, word.text)
        if kind == "urls" or "=" in value:
            told |= {"hosts", "databases"}
        if family.words != "names":
            told.add(family.words)
    return told
