"""`notify` of `standwatch.yaml`: channels, routes and quiet hours."""

import ipaddress
from collections.abc import Callable, Collection
from typing import Final
from zoneinfo import ZoneInfo

from standwatch.declare.schema import (
    Fields,
    Reader,
    boolean,
    choice,
    integer,
    listing,
    mapping,
    nearest,
    scalar,
    shaped,
    short,
)
from standwatch.declare.text import Node, Problems, Scalar
from standwatch.facts.notifying import (
    EVENTS,
    Channel,
    EventKind,
    Notify,
    Quiet,
    Route,
    Severity,
    Slack,
    Smtp,
    Webhook,
)

ROLES: Final = ("owner", "halt_authority", "validator", "watch")
"""Words that mean whoever a system's manifest names."""

_URL: Final = r"https?://[A-Za-z0-9.\[\]:-]{1,253}(/[!$-;=?-Z_a-z~%{}]{0,1800})?"
_name = shaped(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}", "a channel's name in letters, digits, - and _")
_variable = shaped(r"[A-Za-z_][A-Za-z0-9_]{0,127}", "the name of an environment variable")
_host = shaped(r"[A-Za-z0-9.-]{1,253}|\[[0-9a-fA-F:.]{2,45}\]", "a mail server's name")
_sender = shaped(r"[^\s@<>,;:\"\\()]{1,64}@[A-Za-z0-9.-]{1,190}", "an e-mail address")
_recipient = shaped(
    r"[^\s@<>,;:\"\\()]{1,64}@[A-Za-z0-9.-]{1,190}|[A-Za-z0-9][A-Za-z0-9_-]{0,63}",
    "an address, a group, owner, halt_authority, validator or watch",
)
_pattern = shaped(r"[^\x00-\x20\x7f]{1,256}", "a system's name or a pattern with *")
_event: Reader[EventKind] = choice(*EVENTS)
_events: Reader[tuple[EventKind, ...]] = listing(_event, "events", least=1)
_severity: Reader[Severity] = choice("info", "warn", "page")


def read_notify(groups: Collection[str], development: bool) -> Reader[Notify]:
    """A reader of the section. `groups` names the organisation's groups."""

    def read(node: Node, problems: Problems) -> Notify | None:
        fields = Fields(node, problems, "notify")
        channels = fields.take("channels", mapping(_name, _channel(groups, development), "channels"), {})
        known = _written(fields.node("channels"))
        routes = fields.take("routes", listing(_route(known), "routes"), ())
        fields.close()
        if channels and not routes:
            problems.warn(
                fields.mark, "no route leads to a channel, expected routes: nobody is told anything"
            )
        return Notify(channels, routes)

    return read


def _written(node: Node | None) -> set[str]:
    """The channels as they are named, right or wrong: a mistake in one is told once."""
    return set(getattr(node, "members", {}))


def _channel(groups: Collection[str], development: bool) -> Callable[[str, Node, Problems], Channel | None]:
    def channel(_: str, node: Node, problems: Problems) -> Channel | None:
        fields = Fields(node, problems, "a channel")
        where = fields.take("webhook", _url(development, credential=False), "")
        secret = fields.take("secret_env", _variable, "")
        room = fields.take("slack", _url(development, credential=True), "")
        mail = fields.take("smtp", _smtp(groups, development), None)
        fields.close()
        forms = [form for form in ("webhook", "slack", "smtp") if fields.has(form)]
        if len(forms) != 1:
            problems.add(
                node.mark, f"{' and '.join(forms) or 'nothing'}, expected one of webhook, slack or smtp"
            )
            return None
        if where and not secret and not fields.has("secret_env"):
            problems.add(
                node.mark, "a webhook says no 'secret_env', expected secret_env: NAME to sign it with"
            )
        if not where and fields.has("secret_env") and not fields.has("webhook"):
            problems.add(
                fields.place("secret_env"), "'secret_env' belongs to a webhook, expected it there only"
            )
        if where:
            return Channel(webhook=Webhook(where, secret))
        return Channel(slack=Slack(room)) if room else Channel(smtp=mail) if mail else None

    return channel


def _url(development: bool, *, credential: bool) -> Reader[str]:
    """An address to post to, or `${NAME}` for the whole of it. One that is a credential should not be written down."""

    def read(node: Node, problems: Problems) -> str | None:
        expected = "an address such as https://hooks.bank.example/standwatch, or ${NAME}"
        found = scalar(expected)(node, problems)
        if found is None:
            return None
        if shaped(r"\$\{[A-Za-z_][A-Za-z0-9_]{0,127}\}", expected)(node, Problems()):
            return found.text
        if shaped(_URL, expected)(node, problems) is None:
            return None
        host = found.text.partition("://")[2].partition("/")[0]
        local = _is_local(host.rpartition(":")[0] if host.rpartition(":")[2].isdigit() else host)
        if found.text.startswith("http:") and not local and not development:
            problems.add(node.mark, f"{host} would be told in clear text, expected https://…")
            return None
        if credential and not local:
            problems.warn(node.mark, "whoever knows this address can write there, expected ${NAME}")
        return found.text

    return read


def _smtp(groups: Collection[str], development: bool) -> Reader[Smtp]:
    def read(node: Node, problems: Problems) -> Smtp | None:
        fields = Fields(node, problems, "a mail server")
        found = Smtp(
            host=fields.need("host", _host, "").strip("[]"),
            sender=fields.need("from", _sender, ""),
            to=fields.need("to", listing(_addressee(groups), "recipients", least=1, single=True), ()),
            port=fields.take("port", integer(1, 65535), 587),
            starttls=fields.take("starttls", boolean, True),
            user_env=fields.take("user_env", _variable, ""),
            password_env=fields.take("password_env", _variable, ""),
        )
        fields.close()
        if not found.starttls and found.port != 465 and not _is_local(found.host) and not development:
            problems.add(fields.place("starttls"), f"{found.host} would be told in clear text, expected true")
        if bool(found.user_env) != bool(found.password_env):
            problems.add(node.mark, "user_env and password_env go together, expected both or none")
        return found if found.host and found.sender and found.to else None

    return read


def _addressee(groups: Collection[str]) -> Reader[str]:
    def read(node: Node, problems: Problems) -> str | None:
        found = _recipient(node, problems)
        if found is None or "@" in found or found in ROLES or found in groups:
            return found
        known = [*ROLES, *sorted(groups)]
        problems.add(node.mark, f"{short(found)} is nobody, expected an address or {nearest(found, known)}")
        return None

    return read


def _route(known: set[str]) -> Reader[Route]:
    def destination(node: Node, problems: Problems) -> str | None:
        found = scalar("a channel")(node, problems)
        if found is None or found.text in known:
            return found.text if found else None
        expected = nearest(found.text, sorted(known)) if known else "channels, which notify names none of"
        problems.add(node.mark, f"{short(found.text)} is no channel, expected {expected}")
        return None

    def read(node: Node, problems: Problems) -> Route | None:
        fields = Fields(node, problems, "a route")
        route = Route(
            to=fields.need("to", listing(destination, "channels", least=1, single=True), ()),
            events=fields.take("events", _events, ()),
            systems=fields.take("systems", listing(_pattern, "systems", least=1), ("*",)),
            severity=fields.take("severity", _severity, "info"),
            quiet=fields.take("quiet", _quiet, None),
        )
        fields.close()
        return route

    return read


def _quiet(node: Node, problems: Problems) -> Quiet | None:
    fields = Fields(node, problems, "quiet hours")
    begin, end = fields.need("from", time_of_day, 0), fields.need("until", time_of_day, 0)
    zone = fields.take("zone", time_zone, "UTC")
    fields.close()
    if begin == end and fields.has("from") and fields.has("until"):
        problems.add(node.mark, "quiet hours that begin when they end, expected two different times")
        return None
    return Quiet(begin, end, zone)


def time_of_day(node: Node, problems: Problems) -> int | None:
    """`22:00` → minutes since midnight."""
    found = shaped(r"([01][0-9]|2[0-3]):[0-5][0-9]", "a time of day such as 22:00")(node, problems)
    if found is None:
        return None
    return int(found[:2]) * 60 + int(found[3:])


def time_zone(node: Node, problems: Problems) -> str | None:
    """A zone of the tz database, such as `Europe/Vienna`."""
    expected = "a time zone such as UTC or Europe/Vienna"
    found = shaped(r"[A-Za-z][A-Za-z0-9_+-]{0,30}(/[A-Za-z0-9_+-]{1,30}){0,2}", expected)(node, problems)
    if found is None or found == "UTC":
        return found
    try:
        ZoneInfo(found)
    except (OSError, ValueError, KeyError):
        assert isinstance(node, Scalar)
        problems.add(node.mark, f"{short(found)} is no time zone that this host knows, expected {expected}")
        return None
    return found


def _is_local(host: str) -> bool:
    try:
        return host == "localhost" or ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False
