"""Hosts, URLs and connection strings: what one word says of where it leads."""

from __future__ import annotations

import posixpath
import re
import unicodedata
import urllib.parse
from typing import Final

from standwatch.enforce.environments.claims import Claims
from standwatch.enforce.idioms import urls

_URL: Final = re.compile(r"[A-Za-z][A-Za-z0-9+.-]{1,30}:/{0,2}[^\s]")
_SCHEME: Final = re.compile(r"([A-Za-z][A-Za-z0-9+.-]{1,30})://")
_SCP: Final = re.compile(r"(?:[\w.+-]+@)?(\[[0-9a-fA-F:]+\]|[A-Za-z0-9_][\w.-]*):(?!//)(.*)", re.DOTALL)
_ARN: Final = re.compile(r"arn:[\w-]+:[\w-]*:[\w-]*:(\d{12}):")
_PAIR: Final = re.compile(
    r"\b(host|hostaddr|server|dbname|database|service|data source|initial catalog)\s*=\s*'?([^\s';,]+)", re.I
)
_NAME: Final = re.compile(
    r"(?<![\w.@/-])(?:[A-Za-z0-9_](?:[\w-]{0,62})\.){1,8}[A-Za-z][A-Za-z0-9-]{1,62}(?![\w(])"
)
_EMBEDDED: Final = re.compile(r"[A-Za-z][A-Za-z0-9+]{1,20}://[^\s'\"<>`|\\{}]{1,2000}")
_DATABASES: Final = (
    "postgres",
    "mysql",
    "mariadb",
    "mongodb",
    "redis",
    "mssql",
    "sqlserver",
    "clickhouse",
    "cockroach",
    "oracle",
    "amqp",
    "cassandra",
    "snowflake",
)


def host(claims: Claims, text: str, said: str) -> None:
    """`text` is a host's name or address, with or without user, port or brackets; several by commas."""
    for one in text.split(",")[:64]:
        name = one.strip().rpartition("@")[2]
        if name.count(":") > 1 and not re.fullmatch(r"[0-9A-Fa-f:.%\[\]]+", name) and "://" not in name:
            for part in name.split(":")[:8]:  # `curl --resolve NAME:PORT:ADDRESS`
                if part and not part.isdigit():
                    named(claims, part, said)
            continue
        scheme = _SCHEME.match(name)
        if scheme is not None:
            url(claims, name, said)
            continue
        if name.startswith("["):
            name = name[1:].partition("]")[0]
        elif name.count(":") == 1:
            name = name.partition(":")[0]
        if name:
            named(claims, name, said)


def named(claims: Claims, name: str, said: str) -> None:
    """The host `name`. One in digits that is neither loopback nor known by its digits may be any host."""
    name = unicodedata.normalize("NFKC", name).replace("\u3002", ".").rstrip(".").casefold()
    found = urls.address(name.removeprefix("[").removesuffix("]"))
    claims.say("hosts", str(found) if found is not None else name, said)


def loopback(name: str) -> bool:
    """Whether `name` is this machine: a name for it, a loopback address, or the path of a socket."""
    name = name.casefold().rstrip(".")
    if name in ("localhost", "ip6-localhost", "host.docker.internal") or name.startswith(("/", "@")):
        return True
    found = urls.address(name.removeprefix("[").removesuffix("]"))
    return name.endswith(".localhost") or (found is not None and (found.is_loopback or found.is_unspecified))


def url(claims: Claims, text: str, said: str = "") -> bool:
    """What a URL or a connection string says; False where `text` is none."""
    text = text.strip()
    said = said or text
    if text.casefold().startswith("jdbc:"):
        text = text[5:]
    scheme = _SCHEME.match(text)
    if scheme is None:
        return False
    kind, name = scheme[1].casefold(), urls.host(text)[1]
    if kind == "file":
        path = urllib.parse.unquote(text[scheme.end() :])
        claims.say("paths", path if path.startswith("/") else "/" + path, said)
        return True
    for each in text[scheme.end() :].partition("/")[0].rpartition("@")[2].split(","):
        host(claims, each, said)
    if name:
        named(claims, name, said)
    for form in _forms(text, name):
        claims.say("urls", form, said)
    if kind.startswith(_DATABASES):
        rest, _, query = text[scheme.end() :].partition("/")[2].partition("?")
        database = urllib.parse.unquote(rest).partition("/")[0].partition(";")[0]
        if database:
            claims.say("databases", database, said)
        for key, value in urllib.parse.parse_qsl(query[:4_000]):
            if key in ("host", "hostaddr"):
                host(claims, value, said)
            elif key in ("dbname", "database", "service"):
                claims.say("databases", value, said)
    return True


def _forms(text: str, name: str) -> list[str]:
    """The URL as it stands without who logs in, and as a server reads its path."""
    scheme, _, rest = text.partition("://")
    authority, slash, path = rest.partition("/")
    bare = authority.rpartition("@")[2].partition("?")[0].partition("#")[0]
    plain = path.partition("#")[0].partition("?")[0]
    read = posixpath.normpath("/" + urllib.parse.unquote(plain).lstrip("/")) if slash else "/"
    lower = scheme.casefold()
    made = [
        f"{lower}://{bare}{slash}{path}",
        f"{lower}://{bare}/{plain}".rstrip("/"),
        f"{lower}://{name or bare}{read}",
    ]
    return list(dict.fromkeys((*made, f"{lower}://{name or bare}{read}".rstrip("/") + "/")))


def word(claims: Claims, text: str) -> None:
    """What a word says that is nothing more special: a URL, `host:path`, an account's number, a path."""
    text = text.strip()
    if not text:
        return
    if "=" in text and _SCHEME.search(text.partition("=")[2]) and not _SCHEME.match(text):
        text = text.partition("=")[2].strip("'\"")
    if url(claims, text):
        return
    if found := _ARN.search(text):
        claims.say("accounts", found[1], text)
    if (found := _SCP.fullmatch(text)) is not None and "@" in text.partition(":")[0]:
        host(claims, found[1], text)
        claims.say("paths", found[2], text)
    elif "/" in text and len(text) <= 4_096 and " " not in text.strip():
        path(claims, text)


def path(claims: Claims, text: str, said: str = "") -> None:
    """`text` is a path; where the folder one is in is known, that path too."""
    said = said or text
    text = text.removeprefix("@").removeprefix("file:")
    claims.say("paths", posixpath.normpath(text), said)
    inside = claims.around.get("paths", "")
    if inside and not text.startswith(("/", "~")):
        claims.say("paths", posixpath.normpath(posixpath.join(inside, text)), said)


def connection(claims: Claims, text: str) -> bool:
    """Whether `text` is a connection string of pairs (`host=… dbname=…`), and what it says."""
    pairs = _PAIR.findall(text[:4_000])
    for key, value in pairs:
        if key.casefold() in ("dbname", "database", "initial catalog", "service"):
            claims.say("databases", value, text)
            if key.casefold() == "service":
                claims.say("hosts", value, text)
        else:
            host(claims, value.removeprefix("tcp:"), text)
    return bool(pairs)


def mentioned(claims: Claims, text: str) -> None:
    """Every URL and every host's name in `text`, a program of some language."""
    text = text[:65_536]
    for found in list(_EMBEDDED.finditer(text))[:200]:
        url(claims, found[0], found[0])
    for found in list(_NAME.finditer(text))[:500]:
        named(claims, found[0], found[0])
    connection(claims, text)
