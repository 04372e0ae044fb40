"""How many must approve, in which order, and who never does: read, compared, and counted in the envelope."""

import pytest

from standwatch.declare.configuration import Declared, declare
from standwatch.declare.narrowing import compare
from standwatch.facts.configuration import Answering
from standwatch.facts.errors import Misconfigured
from standwatch.serve.adopt import _rules as rules_of  # pyright: ignore[reportPrivateUsage]

MANIFEST = "systems/payments-agent.yaml"
BOTH = "by: [maria@bank.example, chen@bank.example]"


def read(files: dict[str, bytes], approvals: str = "", tool: str = "") -> Declared:
    lines = [line for line in files[MANIFEST].decode().splitlines() if not line.startswith("approvals:")]
    if approvals:
        lines.append(f"approvals: {approvals}")
    text = "\n".join(lines) + "\n"
    if tool:
        text = text.replace("    timeout: 30s\n", f"    timeout: 30s\n    approvals: {tool}\n")
    return declare({**files, MANIFEST: text.encode()})


def answering(found: Declared, tool: str = "") -> Answering:
    return found.configuration.systems["payments-agent"].manifest.answering(tool)


def test_what_is_not_said_is_one_of_the_halt_authority(files: dict[str, bytes]) -> None:
    assert answering(read(files)) == Answering(("p-maria",))


def test_a_tool_says_what_its_system_leaves_open(files: dict[str, bytes]) -> None:
    found = read(files, f"{{{BOTH}, never: requester}}", "{quorum: 2, ordered: true}")
    people = ("p-maria", "p-chen")
    assert answering(found) == Answering(people, never=("requester",))
    assert answering(found, "bank.send_money") == Answering(people, 2, ordered=True, never=("requester",))
    assert answering(found, "bank.get_transactions") == answering(found)
    manifest = found.configuration.systems["payments-agent"].manifest
    assert {name: (one.quorum, one.ordered) for name, one in rules_of(manifest).items()} == {
        "": (1, False),
        "bank.send_money": (2, True),
    }


@pytest.mark.parametrize(
    ("approvals", "problem"),
    [
        (f"{{{BOTH}, quorum: 3}}", "3 of 2 people, expected at most as many"),
        ("{quorum: 0}", "expected"),
        ("{quorum: two}", "expected"),
        ("{ordered: perhaps}", "expected"),
        ("{never: [validator]}", "expected one of"),
        ("{of: [maria@bank.example]}", "unknown key 'of'"),
    ],
)
def test_what_cannot_be_meant_is_refused_with_its_place(
    files: dict[str, bytes], approvals: str, problem: str
) -> None:
    with pytest.raises(Misconfigured) as caught:
        read(files, approvals)
    (told,) = caught.value.problems
    assert problem in told
    assert told.startswith(f"{MANIFEST}:")


@pytest.mark.parametrize(
    ("approvals", "said"),
    [
        (f"{{{BOTH}, quorum: 2, never: owner}}", "2 must approve and 1 may: what asks is refused"),
        (
            f"{{{BOTH}, quorum: 2, never: requester}}",
            "2 must approve and 2 may: what one of them wants is refused",
        ),
        ("{by: [maria@bank.example], never: owner}", "1 must approve and 0 may: what asks is refused"),
        (f"{{{BOTH}, quorum: 2}}", ""),
        (f"{{{BOTH}, never: requester}}", ""),
    ],
)
def test_too_few_people_are_a_warning_before_they_are_a_refusal(
    files: dict[str, bytes], approvals: str, said: str
) -> None:
    warnings = [one for one in read(files, approvals).warnings if "must approve" in one]
    assert bool(warnings) is bool(said)
    assert all(said in one for one in warnings)


@pytest.mark.parametrize(
    ("before", "after", "whole"),
    [
        (f"{{{BOTH}}}", f"{{{BOTH}, quorum: 2}}", "narrower"),
        (f"{{{BOTH}, quorum: 2}}", f"{{{BOTH}}}", "wider"),
        (f"{{{BOTH}}}", f"{{{BOTH}, ordered: true}}", "narrower"),
        (f"{{{BOTH}, ordered: true}}", f"{{{BOTH}}}", "wider"),
        (f"{{{BOTH}}}", f"{{{BOTH}, never: [owner]}}", "narrower"),
        (f"{{{BOTH}, never: [owner, requester]}}", f"{{{BOTH}, never: [owner]}}", "wider"),
        (f"{{{BOTH}, never: [owner, requester]}}", f"{{{BOTH}, never: [requester, owner]}}", "same"),
        (f"{{{BOTH}}}", "{by: [chen@bank.example, maria@bank.example]}", "same"),
        (
            f"{{{BOTH}, ordered: true}}",
            "{by: [chen@bank.example, maria@bank.example], ordered: true}",
            "wider",
        ),
        (f"{{{BOTH}}}", "{by: [chen@bank.example]}", "wider"),
        (f"{{{BOTH}, quorum: 1, ordered: false}}", f"{{{BOTH}}}", "same"),
    ],
)
def test_more_is_narrower_and_people_have_no_order(
    files: dict[str, bytes], before: str, after: str, whole: str
) -> None:
    old, new = read(files, before).configuration, read(files, after).configuration
    assert compare(old, new).systems["payments-agent"] == whole


@pytest.mark.parametrize(
    ("before", "after", "whole"),
    [
        ("", "{quorum: 2}", "narrower"),
        ("{quorum: 2}", "", "wider"),
        ("", "{quorum: 1}", "same"),
        ("{quorum: 2}", "{quorum: 2, ordered: true}", "narrower"),
        ("", "{by: [chen@bank.example]}", "wider"),
        ("{never: owner}", "", "wider"),
    ],
)
def test_of_a_tool_what_counts_is_what_it_comes_to(
    files: dict[str, bytes], before: str, after: str, whole: str
) -> None:
    system = f"{{{BOTH}}}"
    old, new = read(files, system, before).configuration, read(files, system, after).configuration
    assert compare(old, new).systems["payments-agent"] == whole


def test_how_many_is_in_the_envelope_and_who_is_not(files: dict[str, bytes]) -> None:
    def envelope(approvals: str, tool: str = "") -> str:
        return read(files, approvals, tool).configuration.systems["payments-agent"].envelope

    plain = envelope(f"{{{BOTH}}}")
    assert plain == envelope("{by: [chen@bank.example]}")
    assert plain == envelope(f"{{{BOTH}}}", "{by: [chen@bank.example]}")
    assert len({plain, envelope(f"{{{BOTH}, quorum: 2}}"), envelope(f"{{{BOTH}}}", "{quorum: 2}")}) == 3
