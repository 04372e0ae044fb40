"""What a manifest says of a call: of its arguments, of the act as a whole, and of what may follow what in a run."""

from typing import Literal

import msgspec

Number = int | float
Source = Literal["task", "trusted", "untrusted", "model"]
Otherwise = Literal["step_up", "deny"]
Urls = Literal["", "any", "read", "none"]
"""`any`: whatever URL; `read`: only one that was read as a whole, or stands in the task; `none`: no URL at all; "" is
the default of the tool's effect."""
Secrets = Literal["", "any", "step_up", "deny"]
"""What a value that a field declared `secret` returned comes to in an argument; "" is `deny`."""
ReadsAs = Literal["", "shell", "sql", "url", "path", "recipients", "message"]
"""What the receiver takes an argument for, so that what it would do can be looked for (`enforce.idioms`)."""
Unruled = Literal["any", "ask", "deny"]
"""What becomes of values that steer and that no rule speaks of, once a run has read what an outsider may have
written: nothing, a question, a refusal."""
After = Literal["", "step_up", "deny"]
"""What becomes of any call once its run has read what an outsider may have written; "" for nothing."""


class ArgumentRule(msgspec.Struct, frozen=True):
    """What a manifest says about one argument. Absent members do not bind; `otherwise` falls back to the tool's."""

    sources: tuple[Source, ...] = ()
    """`from:`: provenances that are good enough; empty for what `Tool.unruled` says."""
    min: Number | None = None
    max: Number | None = None
    one_of: tuple[str | int | float | bool, ...] | None = None
    pattern: str | None = None
    """RE2 syntax, matched against the whole value."""
    max_length: int | None = None
    required: bool = False
    otherwise: Otherwise | None = None
    carries: tuple[Source, ...] = ()
    """`carries.from:`: the same for URLs, addresses and account numbers that stand inside its text."""
    urls: Urls = ""
    secrets: Secrets = ""
    reads_as: ReadsAs = ""
    sends_to: tuple[str, ...] = ()
    """Of a `url`: hosts to which something may be sent by TLS; empty for any."""
    each_of: tuple[str, ...] | None = None
    """Of a list: names, or patterns of names (`*`), one of which every member must be."""


class Sequence(msgspec.Struct, frozen=True):
    """After any of the tools `after`, none of `no` in the same run, unless every argument of `unless` is as it says."""

    after: tuple[str, ...]
    """Patterns of tools."""
    no: tuple[str, ...]
    unless: dict[str, str] = {}
    """Argument → RE2 syntax; each text in it must match wholly."""
    otherwise: Otherwise = "deny"
    name: str = ""
