"""What is the matter in this process that no entry says (yet), for those who are told of it."""

from collections.abc import Iterator, Sequence

from standwatch.facts.configuration import Configuration
from standwatch.facts.errors import Malformed
from standwatch.notify.desk import Fault
from standwatch.notify.inert import quoted
from standwatch.respond.scope import parse
from standwatch.serve.adopt import Adoption
from standwatch.serve.control_holds import Holds
from standwatch.serve.control_scopes import covered
from standwatch.serve.gate import LiveGate
from standwatch.store.recorder import Recorder


class Matters:
    """`origin` is the log's."""

    def __init__(
        self, origin: str, gate: LiveGate, recorder: Recorder, holds: Holds, adoption: Adoption
    ) -> None:
        self.origin = origin
        self._gate = gate
        self._recorder = recorder
        self._holds = holds
        self._adoption = adoption

    @property
    def configuration(self) -> Configuration:
        return self._gate.configuration

    def covers(self, scope: str) -> tuple[str, ...]:
        """The declared systems on which a hold on `scope` falls; none for what is no scope."""
        try:
            return covered(parse(scope), self._gate.world, self._gate.state)
        except Malformed:
            return ()

    def faults(self) -> Sequence[Fault]:
        """Now: the record, halts that only memory has, a configuration that waits."""
        return tuple(self._all())

    def _all(self) -> Iterator[Fault]:
        if self._recorder.problem:
            yield _record("record", "nothing is forwarded until it can be", "it can be written again")
        if self._gate.state.stopped:
            yield _record(
                "state", "the state stops at an entry that this version does not know", "it is read on"
            )
        for scope in [*self._holds.pending]:
            yield self._halt(scope)
        waits = self._adoption.pending
        if waits is not None:
            yield Fault(
                f"configuration:{waits.root[:16]}",
                "configuration/waits",
                "configuration",
                "A configuration waits for signatures",
                "No configuration waits for signatures any more",
                f"configuration {waits.root[:16]}: standwatch sign-config",
                f"configuration {waits.root[:16]} does not wait any more",
            )

    def _halt(self, scope: str) -> Fault:
        kind, _, name = scope.partition(":")
        known = name in self.configuration.systems
        shown = scope if scope == "all" else f"{kind} {name if known else quoted(name)}"
        return Fault(
            f"hold:{scope}",
            f"hold/{scope}",
            "hold",
            f"{shown} is halted",
            f"{shown} is no longer halted",
            "in memory and on disk: the record cannot be written now",
            "it is in the record now",
            tuple(one for one in self.covers(scope) if one in self.configuration.systems),
        )


def _record(name: str, line: str, ended: str) -> Fault:
    title = "The record cannot be written" if name == "record" else "The state is not known"
    return Fault(name, "record", "record", title, "The record is whole again", line, ended)
