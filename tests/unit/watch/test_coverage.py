"""What a manifest and the record say of seams; and what sightings come to by tool."""

from __future__ import annotations

from standwatch.facts.configuration import Component, Manifest, Tool
from standwatch.facts.coverage import Sighting
from standwatch.facts.entries import Way
from standwatch.record.coverage import Looked
from standwatch.watch.coverage import Calls, declared, effects_of, reached, ways_of

TOOLS = {
    name: Tool(name=name, effect=effect)
    for name, effect in (
        ("bank.send", "irreversible"),
        ("bank.note", "write"),
        ("bank.list", "read"),
        ("sh.run", "write"),
    )
}
PARTS = (
    Component(kind="mcp_server", name="bank", command=("bank",)),
    Component(kind="mcp_server", name="far", url="https://far.example/mcp"),
    Component(kind="service", name="sh"),
    Component(kind="llm", name="claude", provider="anthropic"),
    Component(kind="llm", name="other"),
    Component(kind="model", name="scorer", url="http://model.example"),
)
MANIFEST = Manifest(
    system="desk",
    purpose="x",
    owner=("maria",),
    halt_authority=(),
    validator=(),
    components=PARTS,
    tools=TOOLS,
)


def test_sightings_come_to_the_tools_that_change_something_where_they_are_sure_enough() -> None:
    effects = effects_of(MANIFEST)
    seen = Sighting(code="direct", component="bank", what="x")
    assert ways_of(effects, [seen, seen]) == (
        Way(tool="bank.send", code="direct", effect="irreversible"),
        Way(tool="bank.note", code="direct", effect="write"),
    )
    one = Sighting(code="reported", tool="bank.note", what="x", sure="likely")
    assert ways_of(effects, [one]) == (Way(tool="bank.note", code="reported", effect="write"),)
    assert len(ways_of(effects, [Sighting(code="socket", what="x")])) == 3, "of the whole system"
    for nothing in (
        Sighting(code="direct", component="bank", what="x", sure="possible"),
        Sighting(code="note", component="bank", what="x"),
        Sighting(code="direct", component="claude", what="x"),
    ):
        assert ways_of(effects, [nothing]) == ()


def test_every_tool_says_how_its_calls_came_and_what_goes_round() -> None:
    calls = [("bank.send", Calls("proxy", 3, 9, 100)), ("bank.send", Calls("client", 7, 11, 120))]
    looked = [Looked("h", 1, 1, "otto", "e", (Way(tool="bank.send", code="direct"),))]
    found = {one.tool: one for one in reached(MANIFEST, calls, looked)}
    assert [one.seam for one in found["bank.send"].calls] == ["client", "proxy"]
    assert (found["bank.send"].seam, found["bank.send"].round) == ("proxy", ("direct",))
    assert (found["sh.run"].seam, found["sh.run"].calls, found["sh.run"].round) == ("client", (), ())


def test_the_manifest_alone_says_what_cannot_be_known_from_here() -> None:
    said = {one.component: one for one in declared(MANIFEST, development=True, asked=frozenset({"claude"}))}
    assert {name: (one.code, one.sure) for name, one in said.items()} == {
        "bank": ("note", "certain"),
        "far": ("note", "unknown"),
        "sh": ("cooperative", "certain"),
        "claude": ("note", "certain"),
        "other": ("note", "certain"),
        "scorer": ("note", "unknown"),
    }
    assert "without a sandbox" in said["bank"].what
    sandboxed = {one.component: one for one in declared(MANIFEST, development=False, asked=frozenset())}
    assert "in a sandbox" in sandboxed["bank"].what
    assert sandboxed["claude"].sure == "possible", "a front that nobody used"
