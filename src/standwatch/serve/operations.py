"""What every operation stands on: the gate, the record, the clock, and whoever does one thing each; and who may ask."""

from collections.abc import Awaitable, Callable, Iterable, Sequence
from pathlib import Path
from typing import Final

from standwatch.facts.configuration import Configuration
from standwatch.facts.errors import Forbidden
from standwatch.fronts.control_ports import Actor, Check
from standwatch.record.state import State
from standwatch.serve import control_live as live
from standwatch.serve import control_people as people
from standwatch.serve.adopt import Adoption
from standwatch.serve.control_coverage import Coverages
from standwatch.serve.control_deferred import Queue
from standwatch.serve.control_diagnosing import Diagnosing
from standwatch.serve.control_endorsing import Endorser
from standwatch.serve.control_explaining import Explaining
from standwatch.serve.control_glass import GlassKeeper
from standwatch.serve.control_holds import Holds
from standwatch.serve.control_overrides import Overruler
from standwatch.serve.control_passkeys import Passkeys
from standwatch.serve.control_reading import Record
from standwatch.serve.control_record import Custody
from standwatch.serve.control_relaxations import Relaxer
from standwatch.serve.control_systems import Systems
from standwatch.serve.control_telling import Telling
from standwatch.serve.control_versions import Routes
from standwatch.serve.control_vigilance import Vigils
from standwatch.serve.control_watch import Roster
from standwatch.serve.gate import LiveGate
from standwatch.serve.growth import Growth
from standwatch.serve.invitations import Invitations
from standwatch.serve.notifying import Notifying
from standwatch.serve.oidc import Oidc
from standwatch.serve.openings import Openings, Shown
from standwatch.serve.sessions import Sessions
from standwatch.serve.tally import Tally
from standwatch.store.link import Link


class Parts:
    """What the areas of `serve.control.Control` share. Times in µs UTC; every error is a `StandwatchError`."""

    def __init__(
        self,
        gate: LiveGate,
        link: Link,
        source: Record,
        *,
        vkey: str,
        folder: Path,
        clock: Callable[[], int],
        chance: Callable[[int], bytes],
        adoption: Adoption | None = None,
        bypasses: Callable[[str], Sequence[str]] = lambda _: (),
        checks: Callable[[], Sequence[Check]] = tuple,
        account: Callable[[int], str] = people.account_name,
    ) -> None:
        """`folder` is the state folder (`halts.reserve` lies there). `bypasses` names the paths that go round the
        agents' listener at a URL, `checks` what else `diagnose` looks at, `account` a host account by its uid."""
        self._gate = gate
        self._link = link
        self._source = source
        self._vkey = vkey
        self._clock = clock
        self._chance = chance
        self._adoption = adoption
        self._bypasses = bypasses
        self._checks = checks
        self._account = account
        self.holds = Holds(gate, link, source, folder, clock, chance)
        self.routes = Routes(gate, source, self.holds, clock)
        self.growth = Growth()
        """Woken by whoever commits: `Recorder.on_growth`."""
        self.watcher = live.Watcher(source)
        self.systems = Systems(gate, source, clock, bypasses)
        self.coverages = Coverages(gate, source, clock, chance)
        self.explaining: Explaining | None = None
        """Explains decisions; set by whoever knows the models' servers."""
        self.behind: Callable[[], int] = lambda: 0
        """µs by which this host's wall clock was set back; the time goes on all the same (`serve.clock`)."""
        self.unheard: Callable[[], int] = lambda: 0
        """Agents' words that were not compared with the record."""
        self.spending: Callable[[], Awaitable[dict[str, dict[str, int]]]] = _nothing
        """What language models used today, by system; set by whoever has the recorder."""
        self.ailing: Callable[[], Iterable[tuple[str, str]]] = tuple
        """(system, sentence) for servers and models that cannot be asked; set by whoever runs them."""
        self.keys_shown = b'{"keys":[]}'
        """The key set that verifies what upstreams are shown."""
        self.notifying: Notifying | None = None
        """Tells people; set by whoever runs it."""
        self.diagnosing = Diagnosing(gate, source, clock)
        self.telling = Telling(gate, source, vkey, clock)
        self.custody = Custody(source, vkey, clock)
        self.glass = GlassKeeper(gate, self.holds, clock)
        self.relaxer = Relaxer(gate, link, source, self.holds, clock)
        self.tally = Tally(source)
        self.roster = Roster(gate, link, self.holds, clock)
        self.overruler = Overruler(gate, link, source, clock, chance)
        self.queue = Queue(gate, link, clock, chance)
        self.openings = Openings(gate, link, clock)
        self.vigils = Vigils(gate, clock)
        self.shown = Shown(clock)
        self.passkeys = Passkeys(gate, source, clock, chance)
        self.endorser = Endorser(gate, link, source, clock)
        self.sessions = Sessions(gate, clock, chance)
        self.oidc: Oidc | None = None
        """Asks an issuer; set by whoever knows the folder and the environment."""
        self.invitations = Invitations(gate, self.passkeys, self.sessions.rates, clock, chance)

    @property
    def _state(self) -> State:
        return self._gate.state

    @property
    def _configuration(self) -> Configuration:
        return self._gate.configuration

    def still(self, who: Actor) -> bool:
        """Whether `who` would be let in still, with the rights that they came with: what goes on for long asks again
        and again."""
        return self.sessions.still(who) and people.lasting(
            who, self._configuration, self._state, self._clock()
        )

    def _lasting(self, who: Actor) -> Callable[[], bool]:
        """`still`, for who came in just now: the token of this moment, and no later one of theirs."""
        before = self._state.principals.get(who.ident)
        token = before.token if before is not None and who.how == "token" else ""

        def still() -> bool:
            now = self._state.principals.get(who.ident)
            return (not token or (now is not None and now.token == token)) and self.still(who)

        return still


async def _nothing() -> dict[str, dict[str, int]]:
    return {}


ADMIN: Final = (
    "ask somebody with the role admin; on the server's host, set os_user for an admin in standwatch.yaml"
)


def require(allowed: bool, who: Actor, act: str, cure: str = "") -> None:
    if not allowed:
        raise Forbidden(f"{who.name} may not {act}", cure=cure)


def known(who: Actor) -> Actor:
    """Acts need somebody who answers for them: reading anonymously is all that anonymity gives."""
    if who.ident == "anonymous":
        raise Forbidden("sign in to act", code="unauthenticated", cure="/signin")
    return who


def somebody(who: Actor) -> Actor:
    """And more than an issuer's word: that reads and stops, no more. INVARIANT: acts that do not stop ask this."""
    if known(who).how == "issuer":
        raise Forbidden(
            f"{who.name} signed in by word of an issuer, which reads and stops: sign in with a passkey",
            code="passkey_needed",
            cure="/signin",
        )
    return who
