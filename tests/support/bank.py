"""A small bank as tests know it: a configuration, a caller, and a state in which both are in force."""

import msgspec

from standwatch.enforce.case import World
from standwatch.enforce.envelope import build
from standwatch.enforce.policy import Policies, Slice
from standwatch.enforce.ports import Act, Caller
from standwatch.facts.configuration import (
    ANY,
    ArgumentRule,
    Component,
    Configuration,
    Definition,
    Freeze,
    Limits,
    Listener,
    Lock,
    Manifest,
    Organisation,
    Person,
    RedLine,
    System,
    Tool,
)
from standwatch.facts.entries import AnyEntry, Config, Declared, Evidence, Opened, Principal, RunOpened
from standwatch.record.sequence import Sequencer
from standwatch.record.state import State

NOW = 1_800_000_000_000_000
DAY = 86_400_000_000
RUN = "01m7yyk4wzf27tae7xb4r3xe81"
TASK = "Please pay 120 to GB29NWBK60161331926819 for invoice 17"
SCHEMA = {
    "type": "object",
    "properties": {"recipient": {"type": "string"}, "amount": {"type": "number"}},
    "required": ["recipient", "amount"],
}

SEND = Tool(
    name="bank.send_money",
    effect="irreversible",
    arguments={
        "recipient": ArgumentRule(sources=("task", "trusted"), otherwise="deny"),
        "amount": ArgumentRule(max=500, sources=ANY),
    },
    intent=("pay", "send"),
    per_run=3,
    otherwise="step_up",
)
READ = Tool(name="bank.get_transactions", effect="read", trusted=("$[*].recipient",))
DELETE = Tool(name="bank.delete_account", effect="irreversible")
DEFINITIONS = {name: Definition(name, f"{name}-digest", SCHEMA if name == "send_money" else {}) for name in (
    "send_money", "get_transactions", "delete_account"
)}  # fmt: skip

MANIFEST = Manifest(
    system="payments-agent",
    purpose="Pays suppliers' invoices",
    owner=("p-maria",),
    halt_authority=("p-omar",),
    validator=("p-chen",),
    approvers=("p-omar",),
    components=(
        Component(kind="llm", name="claude", vendor="anthropic", version="claude-sonnet-5"),
        Component(
            kind="mcp_server", name="bank", command=("bank",), resources=("ledger://**",), may_ask=("roots",)
        ),
    ),
    tools={tool.name: tool for tool in (SEND, READ, DELETE)},
    limits=Limits(calls_per_run=200, per_day={"bank.send_money.amount": 1000}, asks_per_run=2),
)


def configuration(manifest: Manifest = MANIFEST, red_lines: tuple[RedLine, ...] = ()) -> Configuration:
    """The bank with `manifest` as its one system."""
    listener = Listener("127.0.0.1", 0)
    people = tuple(
        Person(id=f"p-{name}", address=f"{name}@bank.example") for name in ("maria", "omar", "chen")
    )
    return Configuration(
        organisation=Organisation(
            name="bank.example",
            origin="bank.example/test",
            public_url="http://127.0.0.1",
            agents=listener,
            operators=listener,
            people=people,
            red_lines=red_lines,
        ),
        systems={
            manifest.system: System(
                manifest=manifest,
                lock=Lock(tools={f"bank.{name}": item.digest for name, item in DEFINITIONS.items()}),
                envelope="envelope-1",
            )
        },
        policies=(),
        root="root-1",
    )


PERMIT = 'permit(principal, action == Action::"call", resource);'


def world(config: Configuration | None = None, forbids: str = "") -> World:
    """The bank compiled, with one permit for each tool and the forbids given."""
    config = config or configuration()
    slices = {
        (name, tool): Slice(f"{PERMIT}\n{forbids}", "[]", 'Action::"call"', f'Tool::"{tool}"')
        for name, system in config.systems.items()
        for tool in system.manifest.tools
    }
    return World(config, build(config), Policies("", slices))


CALLER = Caller("payer", "agent", ("payments-agent",), RUN)


def opening(config: Configuration) -> list[AnyEntry]:
    """The entries with which the bank begins: declared, configured, validated, one agent, one run."""
    system = config.systems["payments-agent"]
    components = system.component_digest
    people = {"owner": ["p-maria"], "halt": ["p-omar"], "validators": ["p-chen"], "signers": ["p-omar"]}
    return [
        Opened(origin=config.organisation.origin, key="test"),
        Declared(
            system="payments-agent", envelope=system.envelope, components=components, change="first", **people
        ),
        Config(root=config.root, changed=["payments-agent"]),
        Principal(
            by="p-maria", name="payer", role="agent", systems=["payments-agent"], token="t", starts=True
        ),
        Evidence(
            by="p-chen",
            system="payments-agent",
            envelope=system.envelope,
            components=components,
            outcome="pass",
            until=NOW + 30 * DAY,
        ),
        RunOpened(by="payer", run=RUN, system="payments-agent", principal="payer"),
        *(
            Principal(by="standwatch", name=name, role="human", keys=[f"key of {name}"])
            for name in ("p-maria", "p-omar", "p-chen")
        ),
    ]


def sequencer(config: Configuration | None = None, now: int = NOW) -> tuple[Sequencer, int]:
    """A sequencer that has taken the opening entries, and the next index."""
    seq = Sequencer(State())
    entries = opening(config or configuration())
    for index, entry in enumerate(entries):
        seq.take(index, msgspec.structs.replace(entry, at=now - 1000 + index))
    return seq, len(entries)


def call(tool: str = "bank.send_money", caller: Caller = CALLER, **arguments: object) -> Act:
    """An act as the MCP front would hand it over."""
    return Act(
        caller=caller,
        system="payments-agent",
        event="tool_call",
        tool=tool,
        target=tool.partition(".")[0],
        arguments=dict(arguments),
        definition=DEFINITIONS.get(tool.partition(".")[2]),
    )


PAY = {"recipient": "GB29NWBK60161331926819", "amount": 120}
FROZEN = msgspec.structs.replace(MANIFEST, freeze=(Freeze(NOW - DAY, NOW + DAY),))
