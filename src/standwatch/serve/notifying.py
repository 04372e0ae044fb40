"""Telling people: the record is read behind the gate, what it gives to tell is kept, and sent until it has arrived.

Nothing waits for this: the gate never calls it, it reads the record through a reader like any other, its file is its
own, and disk and mail servers are waited for in threads of theirs.
"""

import asyncio
import contextlib
import random
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Final, Protocol
from urllib.parse import urlsplit

from standwatch.facts.configuration import Configuration
from standwatch.facts.entries import AnyEntry
from standwatch.facts.errors import NotFound, StandwatchError
from standwatch.facts.notifying import Channel, Smtp
from standwatch.fronts.control_notify import (
    ChannelLine,
    DeliveryLine,
    IncidentLine,
    Notifications,
    TestSent,
)
from standwatch.notify.delivery import Delivery
from standwatch.notify.desk import Desk, Fault
from standwatch.notify.events import events, of_interest
from standwatch.notify.message import ident
from standwatch.notify.outbox import FILE, Outbox
from standwatch.notify.sending import Answer, Headers, Sender
from standwatch.notify.words import Words
from standwatch.record.leaf import Unknown, decode
from standwatch.serve.control_people import names
from standwatch.serve.lane import Lane
from standwatch.upstream.http import HttpClient, Timeouts

EVERY: Final = 0.5
"""Seconds between two looks, where nothing wakes us earlier."""
_LEAST: Final = 0.02
_PATIENCE: Final = 2.0
"""Seconds that a look waits for the disk, before it goes on from memory."""
_REOPEN: Final = 5.0
_MOST: Final = 20_000
"""Entries read at one look."""
_TIMEOUTS: Final = Timeouts(connect=5.0, first_byte=10.0, total=15.0)
_ANSWER_BYTES: Final = 64 << 10
_LISTED: Final = 200
_TROUBLE: Final = frozenset({"finding", "hold", "record", "rollback"})
"""Kinds of incidents during which nobody's vigilance is tried."""

Found = Sequence[tuple[int, AnyEntry | Unknown]]


class Leaves(Protocol):
    """The record, as it is read here: `store.reader.Reader`."""

    @property
    def size(self) -> int: ...
    def leaves(self, start: int, end: int) -> Iterator[tuple[int, bytes]]: ...


class Told(Protocol):
    """Where this process knows what is in force and what is the matter."""

    @property
    def configuration(self) -> Configuration: ...
    @property
    def origin(self) -> str: ...
    def covers(self, scope: str) -> tuple[str, ...]:
        """The declared systems on which a hold on `scope` falls."""
        ...

    def waits(self, ident: str) -> bool:
        """Whether the question about action `ident` still waits for people."""
        ...

    def keeping(self, system: str) -> tuple[str, ...]:
        """Who has a watch over a system now; whoever could take one where nobody has."""
        ...

    def faults(self) -> Sequence[Fault]:
        """What is the matter now and no entry says (yet)."""
        ...


class Notifying:
    """Made with the node, begun with `run`. `clock` gives µs UTC."""

    def __init__(
        self,
        folder: Path,
        record: Leaves,
        told: Told,
        clock: Callable[[], int],
        environment: Mapping[str, str],
        *,
        vfs: str = "",
    ) -> None:
        self._file, self._vfs = folder / FILE, vfs
        self._record, self._told, self._clock = record, told, clock
        self._client = HttpClient(max_per_origin=8)
        self._mails = ThreadPoolExecutor(2, "standwatch-mail")
        self._reading, self._keeping = Lane("standwatch-told"), Lane("standwatch-outbox")
        self._sender = Sender(self._post, environment, self._addresses, self._mails)
        self._outbox: Outbox | None = None
        self._again = 0.0
        self._busy: dict[str, asyncio.Task[None]] = {}
        self._news = asyncio.Event()
        self.desk = Desk(told.origin, random.SystemRandom().random)
        self.problem = ""

    # --- the loop ----------------------------------------------------------------------------------------------

    def wake(self) -> None:
        """Something may have happened: look now."""
        self._news.set()

    async def run(self, report: Callable[[BaseException], None]) -> None:
        """Look, again and again, until cancelled. A fault of ours is reported and not the end of it."""
        while True:
            try:
                await self.look()
            except StandwatchError as error:
                self.problem = str(error)
            except Exception as error:
                report(error)
            await asyncio.sleep(_LEAST)
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._news.wait(), EVERY)
            self._news.clear()

    async def look(self) -> None:
        """Read on, decide what is to be told, keep it, and send what is due."""
        organisation = self._told.configuration.organisation
        if not organisation.notify.routes and not self.desk.notify.routes and self._outbox is None:
            return  # nobody is to be told: no file is made, and nothing is read
        await self._open()
        self.desk.configure(organisation.notify, organisation.name, organisation.public_url)
        # INVARIANT: faults are looked at before the record. A halt that stood in memory only and is not a fault any
        # more was an entry by then, so it is read now: its incident never closes in between.
        faults = self._told.faults()
        found, cursor = await self._read()
        words = self._words() if found else None
        heard = [event for index, entry in found if words for event in events(index, entry, words)]
        self.desk.hear(heard, cursor)
        self.desk.faults(faults, self._clock())
        self.desk.pass_time(self._clock())
        await self._keep()
        self._send()

    async def close(self) -> None:
        """Stop sending, keep what is known, let go."""
        tasks = [*self._busy.values()]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await self._keep()
        if self._outbox is not None:
            with contextlib.suppress(TimeoutError, StandwatchError):
                await self._keeping.do(self._outbox.close, _PATIENCE)
        await self._client.close()
        self._mails.shutdown(wait=False, cancel_futures=True)
        self._reading.close()
        self._keeping.close()

    # --- the record --------------------------------------------------------------------------------------------

    async def _read(self) -> tuple[Found, int]:
        """The entries of interest from where we are, and where we are then; none where the disk does not answer."""
        here = self.desk.cursor
        try:
            return await self._reading.do(lambda: self._look(here), _PATIENCE)
        except (TimeoutError, StandwatchError, OSError):
            return (), here

    def _look(self, here: int) -> tuple[Found, int]:
        size = self._record.size
        if not 0 <= here <= size:  # nobody was told before, or it was another log: history is not news
            return (), size
        end = min(size, here + _MOST)
        wanted = [(index, leaf) for index, leaf in self._record.leaves(here, end) if of_interest(leaf)]
        if end < size:
            self._news.set()
        return [(index, decode(leaf)) for index, leaf in wanted], end

    def _words(self) -> Words:
        configuration = self._told.configuration
        return Words(_declared(configuration), names(configuration), self._told.covers, self._told.waits)

    # --- the outbox --------------------------------------------------------------------------------------------

    async def _open(self) -> None:
        """The outbox, tried again every few seconds; until then memory has to do."""
        now = asyncio.get_running_loop().time()
        if self._outbox is not None or now < self._again:
            return
        self._again = now + _REOPEN
        try:
            outbox = await self._keeping.do(lambda: Outbox(self._file, vfs=self._vfs), _PATIENCE)
            kept = await self._keeping.do(outbox.load, _PATIENCE)
        except TimeoutError:
            self.problem = "the outbox cannot be opened: the disk does not answer"
            return
        except StandwatchError as error:
            self.problem = str(error)
            return
        self._outbox, self.problem = outbox, ""
        self.desk.resume(kept)

    async def _keep(self) -> None:
        changes = self.desk.changes()
        if changes is None:
            return
        outbox = self._outbox
        if outbox is None:
            self.desk.not_kept(changes)
            return
        try:
            await self._keeping.do(lambda: outbox.keep(changes), _PATIENCE)
            self.problem = ""
        except (TimeoutError, StandwatchError) as error:
            self.desk.not_kept(changes)
            self.problem = str(error) or "the outbox cannot be written: the disk does not answer"

    # --- sending -----------------------------------------------------------------------------------------------

    def _send(self) -> None:
        for delivery in self.desk.ready(self._clock(), self._busy.keys()):
            self._start(delivery)

    def _start(self, delivery: Delivery) -> "asyncio.Task[None]":
        channel = self.desk.notify.channels[delivery.channel]
        task = asyncio.get_running_loop().create_task(self._deliver(channel, delivery))
        self._busy[delivery.id] = task
        task.add_done_callback(lambda _: self._busy.pop(delivery.id, None))
        return task

    async def _deliver(self, channel: Channel, delivery: Delivery) -> None:
        result = await self._sender.send(channel, delivery, self._clock())
        self.desk.ended(delivery, self._clock(), result)
        self.wake()

    async def _post(self, url: str, headers: Headers, body: bytes) -> Answer:
        """Once: TLS is verified, no redirect is followed, and an answer has bounds (`upstream.http`)."""
        found = await self._client.request(
            "POST", url, headers=headers, body=body, timeouts=_TIMEOUTS, max_bytes=_ANSWER_BYTES
        )
        return Answer(found.status, found.header("retry-after") or "")

    def _addresses(self, smtp: Smtp, systems: tuple[str, ...]) -> tuple[str, ...]:
        return addresses(self._told.configuration, smtp, systems, self._told.keeping)

    # --- what operators see and do -----------------------------------------------------------------------------

    async def test(self, channel: str, made: str, by: str) -> TestSent:
        """Send a message that says that it is a test, and wait for its first attempt. Raises `NotFound`."""
        organisation = self._told.configuration.organisation
        if channel not in organisation.notify.channels:
            raise NotFound(f"there is no channel {channel[:80]}", cure="standwatch notify list")
        self.desk.configure(organisation.notify, organisation.name, organisation.public_url)
        delivery = self.desk.test(channel, made, by, self._clock())
        await self._start(delivery)
        await self._keep()
        after = self.desk.find(delivery.id) or delivery
        return TestSent(after.id, channel, after.state, after.attempts, after.error)

    def status(self) -> Notifications:
        """Channels, what is open, what waits or died."""
        desk, notify = self.desk, self._told.configuration.organisation.notify
        dead = [one for one in desk.over if one.state == "dead"]
        waiting = sorted(desk.waiting.values(), key=lambda one: one.number)
        return Notifications(
            tuple(self._channel(name, one) for name, one in sorted(notify.channels.items())),
            tuple(_incident(desk, key) for key in sorted(desk.book.incidents)),
            tuple(map(_delivery, [*waiting, *reversed(dead)][:_LISTED])),
            self.problem,
        )

    def _channel(self, name: str, channel: Channel) -> ChannelLine:
        mine = [one for one in (*self.desk.over, *self.desk.waiting.values()) if one.channel == name]
        troubled = [one for one in mine if one.state != "sent" and one.error]
        return ChannelLine(
            name,
            channel.form,
            _host(channel),
            sum(one.state == "waits" for one in mine),
            sum(one.state == "dead" for one in mine),
            max((one.ended for one in mine if one.state == "sent"), default=0),
            troubled[-1].error if troubled else "",
            self._sender.problem(channel),
        )

    def troubled(self, systems: Collection[str]) -> bool:
        """Whether an incident is open that somebody has to deal with now, about one of `systems` or about all."""
        return any(
            not one.ended
            and not _TROUBLE.isdisjoint(one.kinds)
            and (not one.systems or not set(systems).isdisjoint(one.systems))
            for one in self.desk.book.incidents.values()
        )

    def warnings(self) -> tuple[str, ...]:
        """What is not right, each in a sentence with the command that helps."""
        found = [f"Not all that is told survives a restart: {self.problem}."] if self.problem else []
        for one in self.status().channels:
            if one.problem:
                found.append(f"Nobody can be told through {one.name}: {one.problem}.")
            elif one.dead or one.error:
                found.append(
                    f"{one.name}: {one.waiting} message(s) wait and {one.dead} could not be delivered "
                    f"({one.error}). standwatch notify list"
                )
        return tuple(found)


def _declared(configuration: Configuration) -> frozenset[str]:
    """The names that the organisation's own files spell: systems, components, tools."""
    found: list[str] = []
    for name, system in configuration.systems.items():
        manifest = system.manifest
        found += [name, *manifest.tools, *manifest.models, *(one.name for one in manifest.components)]
    return frozenset(found)


def addresses(
    configuration: Configuration,
    smtp: Smtp,
    systems: tuple[str, ...],
    keeping: Callable[[str], tuple[str, ...]] = lambda _: (),
) -> tuple[str, ...]:
    """Whom a mail about `systems` goes to: addresses as they are, groups, those whom the manifests name, and `keeping`
    for who has the watch.

    What is about no single system, such as the record, is about every one.
    """
    organisation = configuration.organisation
    known = {one.id: one.address for one in organisation.people}
    found: dict[str, None] = {}
    for name in smtp.to:
        if "@" in name:
            found[name] = None
            continue
        idents = list(organisation.groups.get(name, ()))
        for system in systems or sorted(configuration.systems):
            manifest = configuration.systems[system].manifest if system in configuration.systems else None
            idents += getattr(manifest, name, ()) if name in ("owner", "halt_authority", "validator") else ()
            idents += keeping(system) if name == "watch" else ()
        found |= {known[ident]: None for ident in idents if ident in known}
    return tuple(found)


def _host(channel: Channel) -> str:
    """Where a channel leads, without what may be a credential."""
    if channel.smtp is not None:
        return f"{channel.smtp.host}:{channel.smtp.port}"
    where = channel.webhook or channel.slack
    url = where.url if where is not None else ""
    return url if url.startswith("${") else urlsplit(url).netloc


def _incident(desk: Desk, key: str) -> IncidentLine:
    one = desk.book.incidents[key]
    return IncidentLine(
        ident("incident", one.key, one.origin),
        "rollback" if "rollback" in one.kinds else one.kinds[0],
        one.severity,
        one.title,
        one.at,
        one.systems,
        len(one.members),
        tuple(name for name, thread in one.threads.items() if thread.told),
    )


def _delivery(one: Delivery) -> DeliveryLine:
    return DeliveryLine(
        one.id, one.channel, one.state, one.message.title, one.message.stage, one.made, one.attempts,
        one.due if one.state == "waits" else 0, one.error,
    )  # fmt: skip
