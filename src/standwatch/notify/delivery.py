"""One message on its way to one channel, and when it is tried again. Pure."""

from typing import Final, Literal

import msgspec

from standwatch.notify.message import Message

LIVES: Final = 86_400_000_000
"""µs after which what could not be delivered is dead: a day."""
FIRST: Final = 2_000_000
LONGEST: Final = 900_000_000
"""µs before the second attempt, and at most between two: each wait is twice the one before."""
JITTER: Final = 0.25
"""Every wait is up to this part longer or shorter, so that many do not come back at once."""


class Failure(msgspec.Struct, frozen=True):
    """Why an attempt did not succeed. `final`: another would not either; `wait`: µs that the receiver asked for."""

    text: str
    final: bool = False
    wait: int = 0


class Delivery(msgspec.Struct, frozen=True):
    """`state`: `waits` for its next attempt at `due`, `sent`, or `dead`. Times in µs; `chance` is of [0, 1)."""

    id: str
    channel: str
    message: Message
    made: int
    due: int
    number: int
    """Grows: two of one incident to one channel leave in this order."""
    state: Literal["waits", "sent", "dead"] = "waits"
    attempts: int = 0
    error: str = ""
    ended: int = 0

    @property
    def thread(self) -> tuple[str, str]:
        return self.channel, self.message.incident or self.id

    def sent(self, now: int, note: str = "") -> "Delivery":
        return msgspec.structs.replace(self, state="sent", attempts=self.attempts + 1, ended=now, error=note)

    def failed(self, now: int, failure: Failure, chance: float) -> "Delivery":
        """As it is after an attempt that failed: tried again later, or dead."""
        tried = msgspec.structs.replace(self, attempts=self.attempts + 1, error=failure.text)
        wait = max(backoff(tried.attempts, chance), min(failure.wait, LONGEST))
        if failure.final or now + wait >= self.made + LIVES:
            return msgspec.structs.replace(tried, state="dead", ended=now)
        return msgspec.structs.replace(tried, due=now + wait)


def backoff(attempts: int, chance: float) -> int:
    """µs to wait after `attempts` that failed: exponential, with jitter."""
    wait = min(FIRST << min(attempts - 1, 20), LONGEST)
    return int(wait * (1 + JITTER * (2 * chance - 1)))
