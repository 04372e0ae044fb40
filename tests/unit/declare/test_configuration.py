"""The whole: what is read, what is warned of, and that nothing but `Misconfigured` ever comes out."""

import random

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from standwatch.declare.configuration import declare
from standwatch.facts.configuration import ArgumentRule, Freeze, Limits
from standwatch.facts.errors import Misconfigured


def test_a_manifest_becomes_facts(files: dict[str, bytes]) -> None:
    declared = declare(files)
    configuration = declared.configuration
    manifest = configuration.systems["payments-agent"].manifest
    assert (manifest.owner, manifest.halt_authority, manifest.validator) == (
        ("p-maria",),
        ("p-maria",),
        ("p-chen",),
    )
    assert (manifest.approvers, manifest.approval_seconds, manifest.tier) == (("p-chen",), 900, 2)
    send = manifest.tools["bank.send_money"]
    assert send.arguments == {
        "recipient": ArgumentRule(sources=("task", "trusted")),
        "amount": ArgumentRule(min=0.5, max=500),
        "currency": ArgumentRule(one_of=("EUR", "no", 1, True), pattern="[A-Z]{3}"),
    }
    assert (send.per_run, send.otherwise, send.timeout, send.server) == (3, "step_up", 30, "bank")
    assert manifest.components[1].command == ("python", "-m", "bank_server", "-m")
    assert manifest.limits == Limits(
        200, 30, 60, {"bank.send_money.amount": 20000, "bank.send_money": 40, "calls": 5000}, 3
    )
    assert manifest.freeze == (Freeze(1797724800000000, 1798848000000000),)
    assert manifest.observe_until == 1795996800000000
    organisation = configuration.organisation
    assert (organisation.rp_id, organisation.approval_seconds, organisation.store) == (
        "bank.example",
        600,
        "state",
    )
    assert organisation.groups == {"oncall": ("p-maria",)}
    assert organisation.operators.allowed_hosts == ("watch.bank.example",)
    assert declared.warnings == (
        "systems/payments-agent.lock:1:1: bank, claude: not as locked, expected `standwatch accept payments-agent`",
        "systems/payments-agent.lock:1:1: bank.send_money: not locked, expected `standwatch accept payments-agent`",
    )


def test_without_approvals_the_halt_authority_answers(files: dict[str, bytes]) -> None:
    name = "systems/payments-agent.yaml"
    files[name] = files[name].replace(b"approvals: {by: [chen@bank.example], expires: 15m}\n", b"")
    manifest = declare(files).configuration.systems["payments-agent"].manifest
    assert (manifest.approvers, manifest.approval_seconds) == (("p-maria",), None)


def test_an_address_that_is_nobodys_leaves_the_office_empty_and_warns(files: dict[str, bytes]) -> None:
    name = "systems/payments-agent.yaml"
    files[name] = files[name].replace(b"validator: chen@bank.example", b"validator: chan@bank.example")
    declared = declare(files)
    assert declared.configuration.systems["payments-agent"].manifest.validator == ()
    assert declared.warnings[-1] == (
        "systems/payments-agent.yaml:5:12: 'chan@bank.example' is nobody, "
        "expected a person of standwatch.yaml: 'chen@bank.example' (did you mean that?)"
    )


def test_an_unknown_approver_is_nobody_under_development_and_not_the_halt_authority(
    files: dict[str, bytes],
) -> None:
    files["standwatch.yaml"] += b"development: true\n"
    name = "systems/payments-agent.yaml"
    files[name] = files[name].replace(b"by: [chen@bank.example]", b"by: [chan@bank.example]")
    assert declare(files).configuration.systems["payments-agent"].manifest.approvers == ()


def test_one_person_may_own_and_validate_under_development_only(files: dict[str, bytes]) -> None:
    files["standwatch.yaml"] += b"development: true\n"
    name = "systems/payments-agent.yaml"
    files[name] = files[name].replace(b"validator: chen@", b"validator: maria@")
    assert declare(files).configuration.systems["payments-agent"].manifest.validator == ("p-maria",)


def test_an_organisation_that_nobody_could_widen_is_warned_of(files: dict[str, bytes]) -> None:
    files["standwatch.yaml"] = files["standwatch.yaml"].replace(b"roles: [admin]", b"roles: [operator]")
    assert any("nobody could sign a widening" in warning for warning in declare(files).warnings)


STRAY = "not read here, expected systems/NAME.yaml or NAME.lock or NAME.range.json"


@pytest.mark.parametrize(
    ("path", "problem"),
    [
        (
            "systems/a.yml",
            "systems/a.yml:1:1: not read here, expected systems/NAME.yaml or NAME.lock or NAME.range.json",
        ),
        ("policies/a.cedar.off", "policies/a.cedar.off:1:1: not read here, expected policies/NAME.cedar"),
        (
            "systems/x/a.yaml",
            "systems/x/a.yaml:1:1: not read here, expected systems/NAME.yaml or NAME.lock or NAME.range.json",
        ),
        (
            "systems/gone.lock",
            "systems/gone.lock:1:1: a lock without its manifest, expected systems/gone.yaml",
        ),
    ],
)
def test_a_file_that_would_silently_not_count_is_refused(
    files: dict[str, bytes], path: str, problem: str
) -> None:
    files[path] = b"tools: {}\n"
    with pytest.raises(Misconfigured) as raised:
        declare(files)
    assert raised.value.problems == (problem,)


def test_notes_may_lie_anywhere(files: dict[str, bytes]) -> None:
    files["policies/README.md"] = b"why"
    assert declare(files).configuration.root


def test_nothing_at_all_is_told() -> None:
    with pytest.raises(Misconfigured, match=r"standwatch.yaml:1:1: missing"):
        declare({})


def problems_of(files: dict[str, bytes]) -> tuple[str, ...]:
    """What is wrong with `files`; nothing where they can be taken up."""
    try:
        declare(files)
    except Misconfigured as error:
        return error.problems or ("no problem was told",)
    return ()


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow], max_examples=150)
@given(
    st.sampled_from(
        [
            "standwatch.yaml",
            "systems/payments-agent.yaml",
            "systems/payments-agent.lock",
            "policies/payments.cedar",
        ]
    ),
    st.binary(max_size=300) | st.text(max_size=150).map(str.encode),
)
def test_arbitrary_bytes_in_any_file_are_only_ever_misconfigured(
    files: dict[str, bytes], file: str, data: bytes
) -> None:
    assert all(problem.count(":") >= 3 for problem in problems_of({**files, file: data}))


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow], max_examples=150)
@given(st.integers(0, 2**32))
def test_damaged_files_are_only_ever_misconfigured(files: dict[str, bytes], seed: int) -> None:
    chance = random.Random(seed)
    file = chance.choice(sorted(files))
    data = bytearray(files[file])
    for _ in range(chance.randint(1, 4)):
        at = chance.randrange(len(data))
        data[at : at + chance.randint(0, 8)] = chance.choice(
            [b"", b"[", b"{", b": ", b"\n", b"- ", b"~", b"'", b"()", b";", b"#"]
        )
    assert all(
        problem.startswith(file)
        for problem in problems_of({**files, file: bytes(data)})
        if "systems/" in file
    )
