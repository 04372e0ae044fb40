"""What goes round us: seen on a host, written down, capping the grant; and lifted by a validator's signature alone."""

from __future__ import annotations

import json
from pathlib import Path

import msgspec
import pytest

from standwatch.facts.coverage import Sighting
from standwatch.facts.entries import Coverage
from standwatch.facts.errors import Conflict, Forbidden, Malformed
from standwatch.facts.parts import commitment, coverage_bytes
from standwatch.fronts.control_coverage import CoverageOrder
from standwatch.keys import ed25519
from standwatch.serve.control_bypasses import Bypasses
from support.quorum import HOUR, validated, written
from support.relaxing_watch import awaited
from support.watch import Watch, done, now, standing

SEEN = (Sighting(code="direct", component="bank", what="Cursor starts bank itself", where="mcp.json:3"),)


async def signed(
    watch: Watch, sightings: tuple[Sighting, ...] = (), *, host: str = "laptop", by: str = "chen"
) -> CoverageOrder:
    sheet = await watch.control.coverage(watch.who("otto"), "pay")
    salt, until = b"s" * 32, now() + HOUR
    follows = next((one.index for one in sheet.hosts if one.host == host), -1)
    key = watch.keys[by]
    message = coverage_bytes(
        by=by,
        envelope=sheet.envelope,
        follows=follows,
        host=host,
        org=sheet.org,
        system="pay",
        until=until,
        ways=[["bank.send", one.code, "irreversible"] for one in sightings],
        why=commitment(salt, msgspec.json.encode(sightings)),
    )
    return CoverageOrder(
        host, sightings, by, ed25519.public(key), ed25519.sign(key, message), until, follows, salt.hex()
    )


@awaited
async def test_a_way_round_caps_the_grant_and_only_a_validator_lifts_it(tmp_path: Path) -> None:
    async with standing(written(tmp_path, rules="")) as watch:
        await validated(watch)
        otto = watch.who("otto")
        assert watch.gate.grant("pay", now()).level == "autonomous"
        told = await watch.control.report_coverage(otto, "pay", CoverageOrder("laptop", SEEN))
        assert told.text.endswith("its grant is supervised")
        (reason,) = watch.gate.grant("pay", now()).reasons
        assert (reason.cap, reason.code) == ("supervised", "way_round")
        assert reason.text.startswith("bank.send: goes round Standwatch on the host laptop (entry ")
        assert reason.cure == "standwatch coverage pay"

        # To say that nothing is there takes nothing away, whoever says it without a signature.
        await watch.control.report_coverage(otto, "pay", CoverageOrder("laptop"))
        assert watch.gate.grant("pay", now()).level == "supervised"
        for wrong in (await signed(watch, by="otto"), await signed(watch, by="maria")):
            with pytest.raises(Forbidden):
                await watch.control.report_coverage(otto, "pay", wrong)
        order = await signed(watch)
        with pytest.raises(Forbidden, match="signature"):
            await watch.control.report_coverage(otto, "pay", msgspec.structs.replace(order, host="other"))
        old = order
        await watch.control.report_coverage(otto, "pay", order)
        assert watch.gate.grant("pay", now()).level == "autonomous"

        # What was signed once is not said again over what somebody saw since.
        await watch.control.report_coverage(otto, "pay", CoverageOrder("laptop", SEEN))
        with pytest.raises(Conflict):
            await watch.control.report_coverage(otto, "pay", old)
        assert watch.gate.grant("pay", now()).level == "supervised"
        sheet = await watch.control.coverage(otto, "pay")
        (host,) = sheet.hosts
        assert (host.caps, host.ways, host.said) == (True, {"bank.send": ("direct",)}, SEEN)
        assert sheet.tools[0].round == ("direct",)


@awaited
async def test_seams_are_counted_from_the_record_and_looking_back_shows_what_was_known_then(
    tmp_path: Path,
) -> None:
    async with standing(written(tmp_path, rules="", tool="")) as watch:
        await validated(watch)
        otto = watch.who("otto")
        sheet = await watch.control.coverage(otto, "pay")
        assert (sheet.seams, sheet.tools[0].calls) == ({}, ())
        assert [one.code for one in sheet.lines] == ["note", "note"], "the model's place, and the server's"
        before = watch.reader.size - 1
        for _ in range(3):
            await watch.act(done)
        await watch.control.report_coverage(otto, "pay", CoverageOrder("laptop", SEEN))
        sheet = await watch.control.coverage(otto, "pay")
        assert sheet.seams == {"proxy": 3}
        assert [(one.seam, one.count) for one in sheet.tools[0].calls] == [("proxy", 3)]
        status = await watch.control.status(otto)
        assert next(one.seams for one in status.systems if one.system == "pay") == {"proxy": 3}
        past = await watch.control.coverage(otto, "pay", str(before))
        assert (past.past, past.seams, past.hosts, past.level) == (True, {}, (), "autonomous")
        with pytest.raises(Forbidden):
            await watch.control.coverage(watch.who("nina"), "pay")


@awaited
async def test_our_own_host_is_written_down_once_it_was_seen_twice(tmp_path: Path) -> None:
    home = tmp_path / "home"
    (home / ".cursor").mkdir(parents=True)
    async with standing(written(tmp_path / "org", rules="")) as watch:
        await validated(watch)
        coverages, moment = watch.control.coverages, [0]
        coverages.here = Bypasses(home, lambda: moment[0])
        parts = watch.gate.configuration.systems["pay"].manifest.components
        bank = next(one for one in parts if one.name == "bank")
        entry = (
            {"url": bank.url} if bank.url else {"command": bank.command[0], "args": list(bank.command[1:])}
        )
        (home / ".cursor" / "mcp.json").write_text(json.dumps({"mcpServers": {"the-bank": entry}}))
        for _ in range(3):
            await coverages.look()
            moment[0] += 61_000_000
        known = watch.gate.state.coverage["pay"]
        assert [(one.host, one.by, one.signed) for one in known] == [("gateway", "standwatch", -1)]
        assert watch.gate.grant("pay", now()).level == "supervised"
        entries = [one for _, one in watch.reader.control(0, watch.reader.size) if isinstance(one, Coverage)]
        assert [one.system for one in entries] == ["pay", "ship"], "what is known is not written again"
        sheet = await watch.control.coverage(watch.who("otto"), "pay")
        (line,) = [one for one in sheet.lines if one.code == "direct"]
        assert (line.where, line.sure) == ("~/.cursor/mcp.json:1", "certain")


@awaited
async def test_what_could_not_be_counted_is_refused_rather_than_lost(tmp_path: Path) -> None:
    async with standing(written(tmp_path, rules="")) as watch:
        for seen in (
            Sighting(code="magic", component="bank", what="x"),
            Sighting(code="direct", component="no-such", what="x"),
            Sighting(code="direct", tool="bank.no_such", what="x"),
        ):
            with pytest.raises(Malformed):
                await watch.control.report_coverage(watch.who("otto"), "pay", CoverageOrder("h", (seen,)))
        for host in ("", "x" * 65, "a\nb"):
            with pytest.raises(Malformed):
                await watch.control.report_coverage(watch.who("otto"), "pay", CoverageOrder(host))
