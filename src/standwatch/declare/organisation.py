"""`standwatch.yaml` → `Organisation`: people, groups, listeners, store, red lines, defaults."""

import base64
import binascii
import ipaddress
from collections.abc import Callable
from typing import Final, Literal

from standwatch.declare.asks import read_asks, read_decoys
from standwatch.declare.content import NO_CONTENT, read_content
from standwatch.declare.environments import check_named, read_environments
from standwatch.declare.freezes import read_freeze
from standwatch.declare.notify import read_notify
from standwatch.declare.people import Directory, names
from standwatch.declare.relaxations import read_relaxations
from standwatch.declare.schema import (
    Fields,
    Reader,
    boolean,
    choice,
    duration,
    listing,
    mapping,
    shaped,
    short,
    text,
)
from standwatch.declare.sign_in import addresses, read_sign_in, read_tls
from standwatch.declare.text import Mapping, Mark, Node, Problems, Scalar
from standwatch.declare.watches import read_watches
from standwatch.facts.asks import Asks
from standwatch.facts.configuration import Listener, Organisation, Person, RedLine
from standwatch.facts.notifying import Notify
from standwatch.facts.relaxations import Relaxations
from standwatch.facts.signing_in import SignIn, Tls
from standwatch.facts.words import Effect

FILE: Final = "standwatch.yaml"

Irreversible = Literal["", "any", "enrolled", "passkey"]
_irreversible: Reader[Irreversible] = choice("any", "enrolled", "passkey")

WORD: Final = r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}"
effect: Reader[Effect] = choice("read", "write", "irreversible")
_effects: Reader[tuple[Effect, ...]] = listing(effect, "effects", least=1)
pattern = shaped(r"[^\x00-\x20\x7f]{1,256}", "a name or a pattern with *")
_origin = shaped(
    r"[A-Za-z0-9][A-Za-z0-9._/-]{2,199}", "a globally unique name such as bank.example/standwatch"
)
_public_url = shaped(
    r"https?://[A-Za-z0-9.\[\]:-]{1,253}/?", "the console's address such as https://watch.bank.example"
)
_host_name = shaped(r"[A-Za-z0-9.-]{1,253}", "a host name such as bank.example")
_group = shaped(WORD, "a group's name in letters, digits, - and _")
_address = shaped(r"[^\s@<>,;]{1,64}@[A-Za-z0-9.-]{1,190}", "an e-mail address")
_ident = shaped(r"[a-z0-9][a-z0-9_-]{0,63}", "an opaque id in lower-case letters, digits, - and _")
_account = shaped(r"[A-Za-z0-9_.$-]{1,64}", "an account of this host")
_subject = shaped(r"[\x21-\x7e]{1,255}", "what the issuer calls this person")
_folder = shaped(r"[^\x00-\x1f]{1,500}", "a folder")

_no_relaxations: Relaxations | None = None
_no_tls: Tls | None = None

AGENTS: Final = Listener("127.0.0.1", 8400)
OPERATORS: Final = Listener("127.0.0.1", 8401)


def read_organisation(node: Node, problems: Problems) -> Organisation | None:
    """The organisation that `node` declares; None where people could not be read at all."""
    if not isinstance(node, Mapping):
        Fields(node, problems, "the organisation")
        return None
    fields = Fields(node, problems, "the organisation")
    development = fields.take("development", boolean, False)
    people = fields.need("people", listing(_person(_Once()), "people"), ())
    whom = Directory({one.address.lower(): one.id for one in people}, {}, development)
    agents, operators = fields.take("listeners", _listeners, (AGENTS, OPERATORS))
    irreversible, decoys = fields.take("approvals", _approvals, ("", None))
    groups = fields.take("groups", mapping(_group, _members(whom), "groups"), {})
    seconds, asks = fields.take("defaults", _defaults, (900, Asks()))
    organisation = Organisation(
        name=fields.need("organisation", text("the organisation's name", 200), ""),
        origin=fields.need("origin", _origin, ""),
        public_url=fields.take("public_url", _public_url, operators.url).rstrip("/"),
        agents=agents,
        operators=operators,
        rp_id=fields.take("rp_id", _host_name, "localhost"),
        store=fields.take("store", _store, "state"),
        development=development,
        people=people,
        groups=groups,
        red_lines=fields.take("red_lines", listing(_red_line, "red lines"), ()),
        approval_seconds=seconds,
        asks=asks,
        irreversible=irreversible,
        decoys=decoys,
        notify=fields.take("notify", read_notify(set(groups), development), Notify()),
        relaxations=fields.take("relaxations", read_relaxations, _no_relaxations),
        watches=fields.take("watch", read_watches(Directory(whom.addresses, groups, development)), {}),
        sign_in=fields.take("sign_in", read_sign_in, SignIn()),
        content=fields.take("content", read_content, NO_CONTENT),
        environments=fields.take("environments", read_environments, {}),
        freeze=fields.take("freeze", listing(read_freeze, "freezes"), ()),
    )
    fields.close()
    check_named(fields.node("freeze"), organisation.environments, problems)
    _contradictions(fields, organisation, problems)
    return organisation


def _members(whom: Directory) -> Callable[[str, Node, Problems], tuple[str, ...] | None]:
    read = names(whom, lenient=False)

    def members(_: str, node: Node, problems: Problems) -> tuple[str, ...] | None:
        return read(node, problems)

    return members


def _person(once: "_Once") -> Reader[Person]:
    def key(node: Node, problems: Problems) -> str | None:
        found = _key(node, problems)
        once.claim("public key", found or "", node.mark, problems)
        return found

    def read(node: Node, problems: Problems) -> Person | None:
        fields = Fields(node, problems, "a person")
        person = Person(
            id=fields.need("id", _ident, ""),
            address=fields.need("address", _address, ""),
            name=fields.take("name", text("a name", 200), ""),
            keys=fields.take("keys", listing(key, "public keys"), ()),
            roles=fields.take("roles", listing(choice("admin", "operator", "auditor"), "roles"), ()),
            os_user=fields.take("os_user", _account, ""),
            subject=fields.take("subject", _subject, ""),
        )
        fields.close()
        once.claim("id", person.id, fields.place("id"), problems)
        once.claim("address", person.address.lower(), fields.place("address"), problems)
        once.claim("subject", person.subject, fields.place("subject"), problems)
        once.claim("account", person.os_user, fields.place("os_user"), problems)
        return person

    return read


def _key(node: Node, problems: Problems) -> str | None:
    expected = "an Ed25519 public key as 'ed25519:' and 44 characters of base64"
    found = shaped(r"ed25519:[A-Za-z0-9+/]{43}=", expected)(node, problems)
    if found is None:
        return None
    encoded = found.removeprefix("ed25519:")
    try:
        if base64.b64encode(base64.b64decode(encoded, validate=True)).decode() == encoded:
            return found
    except binascii.Error:
        pass
    problems.add(node.mark, f"{short(found)} is not canonical base64, expected {expected}")
    return None


class _Once:
    """No two people share an id, an address, a key or an account: each must mean one person."""

    def __init__(self) -> None:
        self._seen: dict[tuple[str, str], Mark] = {}

    def claim(self, kind: str, claimed: str, mark: Mark, problems: Problems) -> None:
        first = self._seen.setdefault((kind, claimed), mark) if claimed else mark
        if first != mark:
            problems.add(
                mark,
                f"the {kind} {short(claimed)} is taken (line {first.line}), expected it to mean one person",
            )


def _listeners(node: Node, problems: Problems) -> tuple[Listener, Listener] | None:
    fields = Fields(node, problems, "listeners")
    agents = fields.take("agents", _listener, AGENTS)
    operators = fields.take("operators", _listener, OPERATORS)
    fields.close()
    if agents.proxy:
        problems.add(
            fields.place("agents"), "proxy is for the operators' listener: agents are known by their tokens"
        )
    if (agents.host, agents.port) == (operators.host, operators.port):
        problems.add(
            fields.place("operators"),
            f"agents and operators both listen on {_authority(agents)}, expected two different ports",
        )
    return agents, operators


def _listener(node: Node, problems: Problems) -> Listener | None:
    if isinstance(node, Scalar):
        return _host_port(node, problems)
    fields = Fields(node, problems, "a listener")
    heard = fields.need("listen", _host_port, AGENTS)
    hosts = fields.take("allowed_hosts", listing(pattern, "host names"), ())
    origins = fields.take("allowed_origins", listing(pattern, "origins"), ())
    tls = fields.take("tls", read_tls, _no_tls)
    proxy = fields.take("proxy", addresses, ())
    fields.close()
    if tls is not None and proxy:
        problems.add(fields.place("proxy"), "tls and proxy, expected the one who ends TLS to be one of them")
    return Listener(heard.host, heard.port, hosts, origins, tls, proxy)


def _host_port(node: Node, problems: Problems) -> Listener | None:
    expected = "HOST:PORT such as 127.0.0.1:8400"
    found = shaped(r"(\[[0-9a-fA-F:.]+\]|[A-Za-z0-9.-]+):[0-9]{1,5}", expected)(node, problems)
    if found is None:
        return None
    host, _, port = found.rpartition(":")
    if int(port) > 65535:
        problems.add(node.mark, f"port {port}, expected at most 65535")
        return None
    return Listener(host.strip("[]"), int(port))


def _store(node: Node, problems: Problems) -> str | None:
    fields = Fields(node, problems, "the store")
    folder = fields.need("sqlite", _folder, "state")
    fields.close()
    return folder


def _defaults(node: Node, problems: Problems) -> tuple[int, Asks] | None:
    fields = Fields(node, problems, "defaults")
    seconds = fields.take("approval_expires", duration, 900)
    asks = fields.take("asks", read_asks, Asks())
    fields.close()
    return seconds, asks


def _approvals(node: Node, problems: Problems) -> tuple[Irreversible, int | None]:
    fields = Fields(node, problems, "approvals")
    unsaid: Irreversible = ""
    found: Irreversible = fields.take("irreversible", _irreversible, unsaid)
    decoys = fields.take("decoys", read_decoys, None)
    fields.close()
    return found, decoys


def _red_line(node: Node, problems: Problems) -> RedLine | None:
    fields = Fields(node, problems, "a red line")
    line = RedLine(
        name=fields.need("name", shaped(WORD, "a name in letters, digits, - and _"), ""),
        systems=fields.take("systems", listing(pattern, "systems", least=1), ("*",)),
        tools=fields.take("tools", listing(pattern, "tools", least=1), ("*",)),
        environments=fields.take("environments", listing(pattern, "environments", least=1), ("*",)),
        effects=fields.take("effects", _effects, ("read", "write", "irreversible")),
        why=fields.take("why", text("a reason"), ""),
    )
    fields.close()
    if isinstance(node, Mapping) and not any(
        map(fields.has, ("systems", "tools", "environments", "effects"))
    ):
        problems.add(
            node.mark,
            "a red line that names nothing forbids everything, expected systems, tools, environments or effects",
        )
    return line


def _contradictions(fields: Fields, organisation: Organisation, problems: Problems) -> None:
    line_names = [line.name for line in organisation.red_lines if line.name]
    for name in sorted({name for name in line_names if line_names.count(name) > 1}):
        problems.add(
            fields.place("red_lines"), f"two red lines are called {name!r}, expected different names"
        )
    scheme, _, authority = organisation.public_url.partition("://")
    host = authority.rpartition(":")[0] if authority.rpartition(":")[2].isdigit() else authority
    if scheme == "http" and not organisation.development and not _is_local(host):
        problems.add(
            fields.place("public_url"), f"{organisation.public_url} is not protected, expected https://…"
        )
    secure = organisation.operators.tls is not None or organisation.operators.proxy
    if scheme == "https" and not secure:
        problems.warn(
            fields.place("listeners" if fields.has("listeners") else "public_url"),
            "public_url is https and the operators' listener says neither tls nor proxy, expected one: "
            "nobody can sign in in a browser",
        )
    if scheme == "http" and not _is_local(host):
        problems.warn(fields.place("public_url"), "browsers give no passkeys to http, expected https://…")
    elif _is_address(host) and not _is_local(host):
        problems.warn(
            fields.place("public_url"), f"browsers give no passkeys to an address: {host} wants a name"
        )
    if fields.has("rp_id") and not _is_address(host) and not f".{host}".endswith(f".{organisation.rp_id}"):
        problems.add(
            fields.place("rp_id"),
            f"{organisation.rp_id!r} is not part of public_url's host, expected {host!r} or a parent of it",
        )
    able = [one for one in organisation.people if "admin" in one.roles and one.keys]
    if not organisation.development and not able:
        problems.warn(
            fields.place("people"),
            "no admin has a key: nobody could sign a widening, expected one person with roles: [admin] and keys",
        )


def _authority(listener: Listener) -> str:
    host = f"[{listener.host}]" if ":" in listener.host else listener.host
    return f"{host}:{listener.port}"


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host.strip("[]"))
    except ValueError:
        return False
    return True


def _is_local(host: str) -> bool:
    return host == "localhost" or (_is_address(host) and ipaddress.ip_address(host.strip("[]")).is_loopback)
