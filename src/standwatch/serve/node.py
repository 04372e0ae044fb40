"""One running Standwatch: recorder, gate, servers, listeners, put together and taken down in order.

The order of starting is the order of safety: the record is recovered first, the configuration it holds is put in
force, halts left while we were down are sequenced, and only then does a listener open.
"""

import asyncio
import contextlib
import os
from collections.abc import Callable, Coroutine, Mapping
from hashlib import sha256
from pathlib import Path
from typing import Final

from standwatch.declare.configuration import declare
from standwatch.enforce.case import World
from standwatch.facts.configuration import Configuration
from standwatch.facts.entries import (
    Answered,
    AnyEntry,
    Asked,
    Deferred,
    Deployed,
    Endorsed,
    Glass,
    Hold,
    Released,
    Watch,
)
from standwatch.facts.errors import Misconfigured, StandwatchError, Unrecorded
from standwatch.facts.frames import Ack, Fetch
from standwatch.keys.chance import Chance
from standwatch.keys.log import LogKey
from standwatch.keys.pin import require_pin, set_pin
from standwatch.record.receipt import encode_receipt, make_receipt
from standwatch.serve.adopt import Adopted, Adoption, decode_configuration
from standwatch.serve.aside import Aside
from standwatch.serve.control import Control
from standwatch.serve.control_bypasses import Bypasses
from standwatch.serve.control_explaining import Explaining
from standwatch.serve.control_people import names
from standwatch.serve.control_reading import time_of
from standwatch.serve.decoys import Decoys
from standwatch.serve.gate import LiveGate
from standwatch.serve.matters import Matters
from standwatch.serve.measuring import EVERY, Measuring
from standwatch.serve.minting import Minter
from standwatch.serve.notifying import Notifying
from standwatch.serve.oidc import Oidc
from standwatch.serve.place import Place, now, place_of, shared_key
from standwatch.serve.report import report
from standwatch.serve.servers import Servers
from standwatch.serve.words import EVERY as WORDS
from standwatch.serve.words import Words
from standwatch.serve.world import compile_world
from standwatch.store.folder import read_folder
from standwatch.store.link import LocalLink
from standwatch.store.reader import Reader
from standwatch.store.recorder import Recorder
from standwatch.upstream.executor import Executors

Say = Callable[[str], None]


class Node:
    """The parts of one process, by name. Made by `start`; nothing else constructs it."""

    def __init__(
        self, place: Place, log_key: LogKey, recorder: Recorder, link: LocalLink, world: World
    ) -> None:
        self.folder = place.organisation
        self.place = place
        self.log_key = log_key
        self.recorder = recorder
        self.link = link
        secret = shared_key(place)
        self.gate = LiveGate(link, world, clock=now, chance=Chance(), receipt=self._receipt, secret=secret)
        self.gate.on_fault = report
        self.adoption = Adoption(self.folder, self.gate, os.urandom)
        signs, self.key_set = place.credentials()
        secrets = place.secrets(os.environ)
        self.minter = Minter(
            signs,
            lambda: self.gate.configuration.organisation.public_url,
            secrets,
            clock=now,
            chance=os.urandom,
        )
        self.gate.mint = self.minter.mint
        self.servers = Servers(self.folder, secrets, minter=self.minter)
        setup = place.setup(log_key)
        self.reader = Reader(place.state, kek=setup.kek, older=setup.older)
        here = self.here = Bypasses(Path.home(), now)
        self.control = Control(
            self.gate,
            link,
            self.reader,
            vkey=log_key.vkey,
            folder=place.state,
            clock=now,
            chance=os.urandom,
            adoption=self.adoption,
            bypasses=here,
        )
        self.control.coverages.here = here
        self.control.keys_shown = self.key_set
        self.control.ailing = self.servers.ailing
        self.control.spending = lambda: asyncio.wrap_future(recorder.spending())
        self.control.holds.tell = recorder.refuse
        self.control.behind = lambda: now.behind
        recorder.on_growth = self.control.growth.grew
        self.control.routes.loaded = self.servers.models.ready
        self.control.diagnosing.aside = self.control.custody.aside = Aside(place)
        self.executors = Executors(self.folder, os.environ)
        self.control.explaining = Explaining(
            self.reader,
            self.servers.models,
            self.executors,
            log_key.vkey,
            lambda: names(self.gate.configuration),
            lambda scopes: self.gate.stopped(scopes) or bool(self.gate.state.held(scopes, now())),
        )
        self.words = Words(
            Reader(place.state, kek=setup.kek, older=setup.older), self.gate, os.urandom
        )  # its own: who reads in order to compare holds up nobody else
        self.control.unheard = lambda: self.words.passed_over
        self.measuring = Measuring(recorder, self.gate, now)
        self._record = Reader(place.state)  # its own: who reads in order to tell holds up nobody else
        matters = Matters(
            log_key.origin, self.gate, recorder, self.control.holds, self.adoption, roster=self.control.roster
        )
        self.notifying = Notifying(place.state, self._record, matters, now, os.environ)
        self.control.notifying = self.notifying
        self.oidc = Oidc(
            self.gate, self.control.sessions, self.folder, os.environ, clock=now, chance=os.urandom
        )
        self.control.oidc = self.oidc
        self.control.sessions.seeming = sha256(b"standwatch/seeming/1\n" + shared_key(place)).digest()
        self.heard: list[Callable[[int, AnyEntry], None]] = []
        """Who else wants to know of control entries, after the gate."""
        self.decoys = Decoys(
            self.gate,
            link,
            self.reader,
            self.control.openings,
            now,
            os.urandom,
            self.notifying.troubled,
        )
        self._tasks: set[asyncio.Task[None]] = set()
        link.on_told = self._told

    def _receipt(self, ident: str, ack: Ack) -> str:
        key = self.log_key
        receipt = make_receipt(
            ident=ident, index=ack.index, leaf=ack.leaf, origin=key.origin, at=ack.at, sign=key.sign
        )
        return encode_receipt(receipt)

    def _told(self, index: int, entry: AnyEntry) -> None:
        self.gate.told(index, entry)
        self.decoys.heard(entry)
        if isinstance(entry, _TOLD_AT_ONCE):
            self.notifying.wake()
        for hear in self.heard:
            hear(index, entry)

    def go_on(self) -> None:
        """The time is no earlier than the record's last entry, whatever the wall clock says."""
        size = self.reader.size
        if size:
            now.no_earlier(time_of(self.reader, size - 1))
        self.gate.relaxing.learn(self.gate.state, now())
        now.keep(self.place.state)

    def spawn(self, work: Coroutine[None, None, None]) -> None:
        """Have `work` done beside everything else; it ends with the node."""
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def stop(self) -> None:
        """Stop in the order that loses nothing: no more work, then the servers, then the record."""
        for task in list(self._tasks):
            task.cancel()
        for ending in (
            self.servers.close(),
            self.executors.close(),
            self.notifying.close(),
            self.oidc.close(),
            self.minter.close(),
        ):
            with contextlib.suppress(Exception):
                await ending
        now.keep(self.place.state)
        self.reader.close()
        self._record.close()
        self.words.close()
        await asyncio.to_thread(self.recorder.close)


_TOLD_AT_ONCE: Final = (
    Hold,
    Released,
    Asked,
    Deferred,
    Answered,
    Endorsed,
    Deployed,
    Glass,
    Watch,
)
"""What somebody may have to hear of before the next look."""


async def start(folder: Path, say: Say = lambda _: None, *, fronts: bool = True) -> Node:
    """Bring up the record and the configuration of the organisation in `folder`. No listener is open yet.

    Without `fronts`, workers serve the agents: intents left open may still be theirs, and no server is started
    here. A folder that cannot be taken up leaves the recorded configuration in force. Raises `Misconfigured` where
    there is none, `Tampered` for a record that is not what was signed, `Conflict` where another process has it.
    """
    found, place, origin = _read(folder)
    require_pin(folder, place.state, origin)
    log_key = place.prepare(origin)
    now.resume(place.state)
    recorder = await asyncio.to_thread(Recorder.open, place.setup(log_key, settle=fronts))
    try:
        link = recorder.link()
        now.no_earlier(link.state.at)
        node = Node(place, log_key, recorder, link, compile_world(await _in_force(link, found)))
        node.go_on()
        say(told_of(await node.adoption.reload()))
        if not node.gate.state.development:
            set_pin(folder, place.state, origin)
        # With workers only their servers serve; the models' are asked here too, for explanations.
        servers = node.servers if fronts else node.servers.models
        node.gate.on_world = lambda world: node.spawn(servers.take_up(world.configuration))
        await servers.take_up(node.gate.configuration)
    except BaseException:
        await asyncio.to_thread(recorder.close)
        raise
    return node


def _read(folder: Path) -> tuple[Configuration | None, Place, str]:
    """The folder's configuration with its place; for a broken one the place where an earlier one was in force."""
    try:
        found = declare(read_folder(folder)).configuration
    except Misconfigured:
        place = Place(folder, (folder / "state").resolve())
        origin = place.known_origin()
        if not origin:
            raise
        return None, place, origin
    return found, place_of(folder, found.organisation), found.organisation.origin


async def _in_force(link: LocalLink, found: Configuration | None) -> Configuration:
    """The recorded configuration; the folder's where the log is new."""
    configuration = await _recorded(link) or found
    if configuration is None:
        raise Misconfigured(("standwatch.yaml:1:1: there is no configuration to start with",))
    return configuration


async def _recorded(link: LocalLink) -> Configuration | None:
    """The configuration in force according to the record; None in a new log."""
    index = link.state.config
    if index < 0:
        return None
    fetched = await link.fetch(Fetch(link.next_number(), str(index), "manifest"))
    if not fetched.known:
        raise Unrecorded(f"the configuration of entry {index} cannot be read", cure="standwatch diagnose")
    return decode_configuration(fetched.data)


def told_of(adopted: Adopted) -> str:
    """What became of a reload, in a sentence."""
    match adopted.result:
        case "in_force":
            return f"configuration {adopted.root[:12]} is in force ({adopted.direction})"
        case "unchanged":
            return f"configuration {adopted.root[:12]} is in force"
        case "waits":
            wanted = "; ".join(f"{one.why} (any of {', '.join(one.any_of)})" for one in adopted.needed)
            return f"configuration {adopted.root[:12]} widens and waits for signatures: {wanted}"
        case _:
            return "the configuration in the folder is refused, the one in force stays:\n" + "\n".join(
                adopted.problems
            )


async def watch_folder(node: Node, say: Say, every: float = 1.0) -> None:
    """Take up changes of the folder as they are saved: read whole, compared, never half-applied."""
    last: Mapping[
        str, tuple[int, int]
    ] = {}  # the first look reads again what was saved while we were starting
    while True:
        await asyncio.sleep(every)
        seen = _fingerprint(node.folder)
        if seen != last:
            last = seen
            try:
                say(told_of(await node.adoption.reload()))
            except StandwatchError as error:
                say(f"the configuration in the folder is refused, the one in force stays: {error}")
            except Exception as error:  # a fault of ours must not be the end of watching
                report(error)
                say("the configuration in the folder could not be taken up, the one in force stays")


def _fingerprint(folder: Path) -> Mapping[str, tuple[int, int]]:
    found: dict[str, tuple[int, int]] = {}
    for path in (folder / "standwatch.yaml", *folder.glob("systems/*"), *folder.glob("policies/*")):
        with contextlib.suppress(OSError):
            stat = path.stat()
            found[str(path)] = (stat.st_mtime_ns, stat.st_size)
    return found


async def heed(node: Node) -> None:
    """Every second: sequence halts that were ordered past us, while we were starting or did not answer; and open the
    questions that nobody can answer any more."""
    while True:
        if now.moved:  # what ended by a clock that was set forwards does not come back with the next process
            await asyncio.to_thread(now.keep, node.place.state)
        try:
            await node.control.take_markers()
            await node.control.openings.sweep()
            await node.decoys.look()
        except StandwatchError:
            pass  # tried again in a second
        except Exception as error:
            report(error)
        await asyncio.sleep(1)


async def keep_house(node: Node) -> None:
    """Every minute: keep the clock, and have the recorder close runs that nobody uses, and expired ones."""
    while True:
        await asyncio.sleep(60)
        try:
            await asyncio.to_thread(now.keep, node.place.state)
            await asyncio.wrap_future(node.recorder.end_runs())
        except StandwatchError:
            pass  # the record cannot be written now, and its own problem is told elsewhere
        except Exception as error:
            report(error)


async def heed_words(node: Node) -> None:
    """Every second: compare what agents said with what their runs did."""
    while True:
        try:
            await node.words.look()
        except StandwatchError:
            pass  # the record cannot be written now, and its own problem is told elsewhere
        except Exception as error:
            report(error)
        await asyncio.sleep(WORDS)


async def look_round(node: Node) -> None:
    """Every minute: write down what on our own host goes round us, where it was there a minute ago as well."""
    while True:
        try:
            await node.control.coverages.look()
        except StandwatchError:
            pass  # the record cannot be written now, and its own problem is told elsewhere
        except Exception as error:
            report(error)
        await asyncio.sleep(60)


async def measure(node: Node) -> None:
    """Every two seconds: write down how many people each system touches, where it is time or its tier would rise."""
    while True:
        try:
            await node.measuring.look()
        except StandwatchError:
            pass  # the record cannot be written now, and its own problem is told elsewhere
        except Exception as error:
            report(error)
        await asyncio.sleep(EVERY)


async def follow_traffic(node: Node) -> None:
    """Every five seconds: count what passed since the last look, so that a page that asks waits for nothing."""
    while True:
        try:
            await node.control.watcher.look(now())
        except Exception as error:
            report(error)
        await asyncio.sleep(5)
