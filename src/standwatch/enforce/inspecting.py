"""What looks at a model's words while they stream. The front feeds it; what it says decides what leaves.

`enforce.listening` looks for content; where nothing is looked for: `PASSING`.
"""

from typing import Final, Literal, Protocol

from standwatch.facts.configuration import Finding
from standwatch.facts.llm import Speech

Step = Literal["pass", "hold", "cut"]
"""Let it go, with all that was held back; hold it back until more is known; end the stream here."""


class Inspect(Protocol):
    """The inspection of one answer."""

    def feed(self, kind: Speech, place: str, text: str) -> Step:
        """More of what is said at `place`; what is cut into pieces comes piece by piece."""
        ...

    @property
    def free(self) -> int:
        """After `hold`: how many of the pieces fed so far may go all the same, the first ones."""
        ...

    def end(self) -> Step:
        """The answer is whole. What is still held back goes with `pass`, and is withheld with anything else."""
        ...

    @property
    def findings(self) -> tuple[Finding, ...]:
        """What was found, for the outcome; none for nothing."""
        ...


class Passing:
    """Looks for nothing."""

    findings: tuple[Finding, ...] = ()
    free = 0

    def feed(self, kind: Speech, place: str, text: str) -> Step:
        del kind, place, text
        return "pass"

    def end(self) -> Step:
        return "pass"


PASSING: Final = Passing()
