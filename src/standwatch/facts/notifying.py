"""Who is told of what, and how: the `notify` section of an organisation, as `declare` reads it.

Secrets are never in it: they are named, and read from the environment of the server that sends.
"""

from typing import Final, Literal

import msgspec

Severity = Literal["info", "warn", "page"]
SEVERITIES: Final[tuple[Severity, ...]] = ("info", "warn", "page")
"""Least first. `page` wakes somebody: it knows no quiet hours."""

EventKind = Literal[
    "approval",
    "break_glass",
    "canary",
    "configuration",
    "coverage",
    "deferred",
    "deployment",
    "evidence",
    "finding",
    "hold",
    "record",
    "refusal",
    "relaxation",
    "rollback",
    "system",
    "tier",
    "vigilance",
    "watch",
    "word",
]
EVENTS: Final[dict[EventKind, tuple[Severity, str]]] = {
    "approval": ("page", "an action waits for a signature; and what became of it"),
    "break_glass": ("page", "a break-glass was opened; and when that was reviewed"),
    "canary": ("page", "a canary turned up in what a system sent, read or said"),
    "configuration": ("info", "a configuration is in force, or waits for signatures"),
    "coverage": ("warn", "something goes round Standwatch; and when a validator signed that it is gone"),
    "deferred": ("warn", "an effect was put off: its system asks too much, or may not ask now"),
    "deployment": ("info", "a model's route changed"),
    "evidence": ("warn", "a validator said no, or set conditions"),
    "finding": ("page", "what answers is not what was declared, or breaks its contract"),
    "hold": ("page", "a scope is halted; and when it may run again"),
    "record": ("page", "the record cannot be written, or could not be"),
    "refusal": ("info", "an action was refused"),
    "relaxation": ("warn", "a check is bypassed; and when that ends"),
    "rollback": ("page", "a model went back to an earlier version"),
    "system": ("info", "a system is declared anew"),
    "vigilance": ("warn", "somebody approved a decoy, and may not answer; and when they may again"),
    "tier": ("warn", "a system touches more people than its manifest declares: its tier is higher"),
    "watch": ("warn", "nobody has a watch that is wanted, or soon nobody will; and who takes one"),
    "word": ("warn", "an agent said what the record of its run contradicts"),
}
"""What can be told: how grave it is, and what it means."""


class Webhook(msgspec.Struct, frozen=True):
    """`url` gets JSON, signed as Standard Webhooks does. `${NAME}` in a URL reads our environment."""

    url: str
    secret_env: str
    """Name of the environment variable that holds the signing secret, `whsec_` and base64."""


class Slack(msgspec.Struct, frozen=True):
    """An incoming webhook of Slack, or of anything that takes the same."""

    url: str


class Smtp(msgspec.Struct, frozen=True):
    """A mail server. `to` holds addresses, groups, and `owner`, `halt_authority`, `validator` of the system, or
    `watch`: who has a watch over it."""

    host: str
    sender: str
    to: tuple[str, ...]
    port: int = 587
    """465 speaks TLS from the first byte."""
    starttls: bool = True
    user_env: str = ""
    password_env: str = ""


class Channel(msgspec.Struct, frozen=True):
    """One way to reach somebody: exactly one of the three."""

    webhook: Webhook | None = None
    slack: Slack | None = None
    smtp: Smtp | None = None

    @property
    def form(self) -> Literal["webhook", "slack", "smtp"]:
        if self.webhook is not None:
            return "webhook"
        return "slack" if self.slack is not None else "smtp"


class Quiet(msgspec.Struct, frozen=True):
    """Hours in which only pages are sent: minutes of the day in `zone`; over midnight where `begin` > `end`."""

    begin: int
    end: int
    zone: str = "UTC"


class Route(msgspec.Struct, frozen=True):
    """Which incidents go where: of any of `events` (empty: all), about `systems`, at least as grave as `severity`."""

    to: tuple[str, ...]
    events: tuple[EventKind, ...] = ()
    systems: tuple[str, ...] = ("*",)
    severity: Severity = "info"
    quiet: Quiet | None = None


class Notify(msgspec.Struct, frozen=True):
    """The whole section. Without routes nobody is told anything."""

    channels: dict[str, Channel] = {}
    routes: tuple[Route, ...] = ()
