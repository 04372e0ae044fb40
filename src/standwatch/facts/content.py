"""What a configuration says about content: what is looked for, where, and what is done about it."""

from typing import Final, Literal

import msgspec

ContentPlace = Literal["prompts", "arguments", "results", "answers"]
"""`prompts`: what goes to a language model. `answers`: what it says. `arguments`: what goes to a tool, or from a client
to a server that asked. `results`: what a tool, a resource or a prompt gives, or what a server asks."""

PLACES: Final[tuple[ContentPlace, ...]] = ("prompts", "arguments", "results", "answers")

ContentAction = Literal["observe", "mask", "step_up", "deny"]

ACTIONS: Final[tuple[ContentAction, ...]] = ("observe", "mask", "step_up", "deny")
"""Later binds more: of several rules about one thing found the last of these is done."""

IDENTIFIERS: Final = ("iban", "card", "email", "phone", "national_id", "other_identifiers")
"""What `identifiers` stands for."""

WORDS: Final = ("secrets", *IDENTIFIERS, "canaries", "exfiltration", "invisible", "instructions")
"""What a rule may look for."""

WORD_ABOUT: Final[dict[str, str]] = {
    "secrets": "keys, tokens and passwords",
    "iban": "bank account numbers whose checksum holds",
    "card": "payment card numbers whose checksum holds",
    "email": "e-mail addresses",
    "phone": "telephone numbers",
    "national_id": "numbers by which states know people",
    "other_identifiers": "every other identifier of a person or an account",
    "canaries": "the texts of `canaries`",
    "exfiltration": "shapes in which data leave unseen: URLs that carry data, images of Markdown, DNS-like labels",
    "invisible": "invisible and steganographic characters",
    "instructions": "instructions where data belong",
}

INSIDE: Final = frozenset({"invisible"})
"""What a mask has no sense for: there is nothing a model could work on."""


class ContentRule(msgspec.Struct, frozen=True):
    """`find` these, `places` there, in acts of `tools`: then do `action`."""

    find: tuple[str, ...]
    places: tuple[ContentPlace, ...]
    tools: tuple[str, ...] = ("*",)
    """Patterns of `server.tool`; `server.resource_read` and the like for what is no tool, `component.generation`."""
    action: ContentAction = "observe"
    certain: bool = False
    """Only what a checksum, an unmistakable form or its context confirmed."""


class Content(msgspec.Struct, frozen=True):
    """What a manifest, or an organisation for all of them, says. `rules` None: nothing, so whoever is above speaks."""

    rules: tuple[ContentRule, ...] | None = None
    canaries: dict[str, str] = {}
    """Name → where its text is: `${NAME}` in the environment, or an absolute path. The text itself stands nowhere."""
    expected: dict[str, tuple[str, ...]] = {}
    """`server.tool.argument`, or `server.tool` for its results → what belongs there, and so is not found."""


DEFAULT: Final[tuple[ContentRule, ...]] = (
    ContentRule(("secrets",), ("arguments", "answers"), action="deny", certain=True),
    ContentRule(("canaries",), ("prompts", "arguments", "answers"), action="deny"),
    ContentRule(("instructions", "invisible", "canaries"), ("results",)),
)
"""What is looked for where neither organisation nor manifest says anything."""


def rules(*said: Content | None) -> tuple[ContentRule, ...]:
    """The rules in force: the first that anybody states, `DEFAULT` where nobody does."""
    return next((one.rules for one in said if one is not None and one.rules is not None), DEFAULT)


def canaries(*said: Content | None) -> dict[str, str]:
    """Every canary that is declared; of two of one name the first."""
    found: dict[str, str] = {}
    for one in said:
        for name, where in (one.canaries if one is not None else {}).items():
            found.setdefault(name, where)
    return found
