"""What the use of a language model costs: tokens, prices, and the names that budgets know them by.

Money is counted in micro-units of the one currency of a system: a price per million tokens is a price in micro-units
per token, so no rounding stands between them but the last.
"""

from typing import Final

import msgspec

Number = int | float

TOKENS: Final = "tokens"
"""The limit's name for tokens, in and out together; counted as they are."""
MONEY: Final = "money"
"""The limit's name for money; counted in micro-units."""
SPENDINGS: Final = (TOKENS, MONEY)
"""What generations spend: it counts against the run and the day. No tool has such a name: theirs have a dot."""


class Price(msgspec.Struct, frozen=True):
    """What a million tokens cost."""

    input: Number
    output: Number
    currency: str
    """ISO 4217, three capitals."""
    cached: Number | None = None
    """Of input that the provider had in its cache; None for as `input`."""
    written: Number | None = None
    """Of input that goes into the provider's cache; None for as `input`."""

    @property
    def dearest_input(self) -> Number:
        """The most that a token of input may come to."""
        return max(one for one in (self.input, self.cached, self.written) if one is not None)


class Window(msgspec.Struct, frozen=True):
    """The most tokens that one call of a model can take in and give out; None where nobody says."""

    input: int | None = None
    output: int | None = None


class Usage(msgspec.Struct, frozen=True):
    """What an upstream says one generation used, in tokens. `input` is without what was `cached` or `written`."""

    input: int = 0
    output: int = 0
    cached: int = 0
    written: int = 0

    @property
    def tokens(self) -> int:
        """All of them."""
        return self.input + self.output + self.cached + self.written


class FirstMessage(msgspec.Struct, frozen=True):
    """`task: {from: first_user_message}`: whose first message says the run's task, and which part of it."""

    agents: tuple[str, ...]
    """Principals whose harness is known to put its user's words there."""
    after: str = ""
    """What the harness writes before its user's words; "" where they begin the message."""
    before: str = ""
    """What it writes behind them; "" where they end it."""
