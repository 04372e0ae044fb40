"""One error shape for operators: a stable code, a sentence, and where there is one the command that helps."""


class StandwatchError(Exception):
    """Something an operator must know.

    `code` is stable and machine-readable; the sentence is for a human; `cure` is a command that helps, or "";
    `reference` names the entry or action concerned, or "".
    """

    code = "error"

    def __init__(self, message: str, *, code: str = "", cure: str = "", reference: str = "") -> None:
        super().__init__(message)
        self.code = code or type(self).code
        self.cure = cure
        self.reference = reference


class Malformed(StandwatchError):
    """Bytes that are not what they claim to be: refused before anything is read out of them."""

    code = "malformed"


class Misconfigured(StandwatchError):
    """A configuration that cannot be taken up; `problems` lists every place, each `file:line:column: what`."""

    code = "misconfigured"

    def __init__(self, problems: tuple[str, ...], *, cure: str = "standwatch check") -> None:
        super().__init__("\n".join(problems), cure=cure)
        self.problems = problems


class Unrecorded(StandwatchError):
    """The record could not be written, so nothing that needs it may happen."""

    code = "unrecorded"


class Forbidden(StandwatchError):
    """Whoever asked may not do this."""

    code = "forbidden"


class NotFound(StandwatchError):
    """Nothing of that name or id."""

    code = "not_found"


class Conflict(StandwatchError):
    """It was true a moment ago: the act was judged on a state that has since changed, or was done already."""

    code = "conflict"


class Tampered(StandwatchError):
    """Bytes in the record that do not verify. The log is not signed again until a human has looked."""

    code = "tampered"


class TooMany(StandwatchError):
    """Asked for more often than anybody needs; `after` says when it may be asked again, in seconds."""

    code = "too_many"

    def __init__(self, message: str, after: int) -> None:
        super().__init__(message)
        self.after = after


class Unavailable(StandwatchError):
    """Somebody else, on whom this depends, does not answer as they should."""

    code = "unavailable"
