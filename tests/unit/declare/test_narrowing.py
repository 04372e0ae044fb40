"""Which change is narrower, which is wider, and whose signature a widening needs."""

import msgspec
import pytest

from standwatch.declare.configuration import declare
from standwatch.declare.narrowing import Change, Signature, compare, signers_needed
from standwatch.facts.configuration import Configuration

MANIFEST = "systems/payments-agent.yaml"
ORGANISATION = "standwatch.yaml"
LOCK = "systems/payments-agent.lock"
POLICY = "policies/payments.cedar"


def changed(files: dict[str, bytes], file: str, old: str, new: str) -> tuple[Configuration, Change]:
    """The configuration of `files`, and what replacing `old` by `new` in `file` means beside it."""
    text = files[file].decode()
    assert old in text
    before = declare(files).configuration
    after = declare({**files, file: text.replace(old, new, 1).encode()}).configuration
    return before, compare(before, after)


@pytest.mark.parametrize(
    ("file", "old", "new", "whole", "said"),
    [
        (MANIFEST, "max: 500", "max: 400", "narrower", "tool bank.send_money amount max: 500 → 400"),
        (MANIFEST, "max: 500", "max: 600", "wider", "tool bank.send_money amount max: 500 → 600"),
        (MANIFEST, "min: 0.5, ", "", "wider", "tool bank.send_money amount min: 0.5 → none"),
        (MANIFEST, "from: [task, trusted]", "from: [task]", "narrower", "recipient from: trusted removed"),
        (MANIFEST, "from: [task, trusted]", "max_length: 9", "wider", "recipient from: "),
        (MANIFEST, "EUR, no, 1", "EUR, 1", "narrower", "currency one_of: str, no removed"),
        (MANIFEST, "EUR, no, 1, true", "EUR, no, 1, '1'", "wider", "currency one_of: str, 1 added"),
        (MANIFEST, "EUR, no, 1, true", "EUR, no, true", "narrower", "currency one_of: int, 1 removed"),
        (MANIFEST, "min: 0.5, max: 500", "max: 500, otherwise: deny", "wider", "amount otherwise: step_up → deny"),
        (MANIFEST, '"[A-Z]{3}"', '"[A-Z]{2}"', "wider", "currency pattern: [A-Z]{2} added"),
        (MANIFEST, "otherwise: step_up", "otherwise: deny", "narrower", "otherwise: step_up → deny"),
        (MANIFEST, "effect: read", "effect: write", "wider", "tool bank.get_transactions effect: read → write"),
        (MANIFEST, "effect: read", "effect: read\n    only_declared: true", "narrower", "only_declared: False → True"),
        (MANIFEST, ', "$[*].id"]', "]", "narrower", "returns.trusted: $[*].id removed"),
        (MANIFEST, "$[*].id", "$[*].name", "wider", "returns.trusted: $[*].name added"),
        (MANIFEST, '"$[*].id"]', '"$[*].id"], secret: ["$.pin"]', "narrower", "returns.secret: $.pin added"),
        (MANIFEST, '"$[*].id"]', '"$[*].id"], format: yaml', "wider", "returns.format: "),
        (MANIFEST, "calls: 200, ", "", "wider", "limits.calls_per_run: 200 → none"),
        (MANIFEST, "bank.send_money: 40", "bank.send_money: 39", "narrower", "limits.per_day.bank.send_money: 40 → 39"),
        (MANIFEST, "2026-12-20T00:00Z", "2026-12-19T00:00Z", "narrower", "is added, longer or covers more"),
        (MANIFEST, "2026-12-20T00:00Z", "2026-12-21T00:00Z", "wider", "is gone, shorter or covers less"),
        (MANIFEST, "bank_server, -m", "bank_server", "wider", "component bank command"),
        (MANIFEST, "name: bank,", "name: bank, resources: ['bank:*'],", "wider", "bank resources: bank:* added"),
        (MANIFEST, "expires: 15m", "expires: 5m", "narrower", "approvals.expires: 900 → 300"),
        (MANIFEST, "2026-11-30", "2026-12-01", "wider", "observe.until"),
        (MANIFEST, "people_per_week: 40000", "people_per_week: 1", "wider", "exposure.people_per_week: 40000 → 1"),
        (MANIFEST, "owner: maria@bank.example", "owner: nobody@bank.example", "wider", "owner: "),
        (MANIFEST, "fallback: refer-to-human", "fallback: refuse", "narrower", "fallback: refer-to-human → refuse"),
        (MANIFEST, "purpose: Pays", "purpose: Still pays", "same", ""),
        (ORGANISATION, "roles: [auditor]", "roles: [auditor, admin]", "wider", "people p-chen roles"),
        (ORGANISATION, "os_user: chen", "os_user: root", "wider", "people p-chen os_user: chen → root"),
        (ORGANISATION, "oncall: [maria@bank.example]", "oncall: [chen@bank.example]", "wider", "groups oncall"),
        (ORGANISATION, "environments: [production]", "environments: [staging]", "wider", "red_lines: "),
        (ORGANISATION, "why: Ledgers are kept", "why: Because", "same", ""),
        (ORGANISATION, "127.0.0.1:8400", "0.0.0.0:8400", "wider", "agents: "),
        (ORGANISATION, "approval_expires: 10m", "approval_expires: 9m", "narrower", "approval_expires: 600 → 540"),
        (ORGANISATION, "store:", "development: true\nstore:", "wider", "development: False → True"),
        (LOCK, "abab", "abac", "wider", "lock tool bank.get_transactions: changed"),
        (LOCK, "  bank.get_transactions: " + "ab" * 32, "  {}", "narrower", "bank.get_transactions: withdrawn"),
        (POLICY, "// No large", "// Some large", "same", ""),
        (POLICY, '@otherwise("step_up")\n', "", "wider", "policies: "),
        (POLICY, "300000000", "200000000", "wider", "policies: "),
        (POLICY, "// No", 'forbid (principal, action == Action::"write", resource);\n//', "narrower", "policies: "),
    ],
)  # fmt: skip
def test_one_change(files: dict[str, bytes], file: str, old: str, new: str, whole: str, said: str) -> None:
    before, change = changed(files, file, old, new)
    assert change.whole == whole
    assert bool(change.differences) is (whole != "same")
    assert said in " | ".join(map(str, change.differences))
    assert bool(signers_needed(before, change, {})) is (whole == "wider")


def test_a_removed_system_is_narrower_and_an_added_one_wider(files: dict[str, bytes]) -> None:
    both = declare(files).configuration
    none = declare(
        {name: data for name, data in files.items() if not name.startswith("systems/")}
    ).configuration
    assert compare(both, none).systems == {"payments-agent": "narrower"}
    added = compare(none, both)
    assert added.systems == {"payments-agent": "wider"}
    assert signers_needed(none, added, {}) == (Signature("an admin, for the widening", ("p-maria",)),)


def test_a_system_that_comes_back_needs_the_validator_whom_it_had(files: dict[str, bytes]) -> None:
    both = declare(files).configuration
    none = msgspec.structs.replace(both, systems={})
    assert signers_needed(none, compare(none, both), {"payments-agent": ("p-ada",), "other": ("p-bo",)}) == (
        Signature("an admin, for the widening", ("p-maria",)),
        Signature("the validator of payments-agent, which is back", ("p-ada",)),
    )


def test_a_removed_tool_with_its_lock_is_narrower(files: dict[str, bytes]) -> None:
    files[LOCK] = files[LOCK].replace(b"components: {}", b"components: {bank: " + b"cd" * 32 + b"}")
    before = declare(files).configuration
    text = files[MANIFEST].decode()
    start, end = text.index("  bank.get_transactions"), text.index("  bank.send_money")
    files[MANIFEST] = (text[:start] + text[end:]).encode()
    files[LOCK] = b"components: {bank: " + b"cd" * 32 + b"}\n"
    assert compare(before, declare(files).configuration).whole == "narrower"


def test_a_withdrawn_component_digest_is_wider_while_the_component_stays(files: dict[str, bytes]) -> None:
    files[LOCK] = files[LOCK].replace(b"components: {}", b"components: {bank: " + b"cd" * 32 + b"}")
    before = declare(files).configuration
    files[LOCK] = files[LOCK].replace(b"bank: " + b"cd" * 32, b"")
    assert compare(before, declare(files).configuration).whole == "wider"


def test_a_widened_system_needs_an_admin_and_its_old_validator(files: dict[str, bytes]) -> None:
    before, change = changed(
        files, MANIFEST, "validator: chen@bank.example", "validator: nobody@bank.example"
    )
    assert signers_needed(before, change, {}) == (
        Signature("an admin, for the widening", ("p-maria",)),
        Signature("the validator of payments-agent, which is widened", ("p-chen",)),
    )


def test_where_no_admin_has_a_key_nobody_can_sign(files: dict[str, bytes]) -> None:
    files[ORGANISATION] = files[ORGANISATION].replace(b"roles: [admin]", b"roles: [operator]")
    before, change = changed(files, MANIFEST, "max: 500", "max: 501")
    assert signers_needed(before, change, {})[0].any_of == ()


def test_only_the_old_organisations_development_excuses(files: dict[str, bytes]) -> None:
    _, to_development = changed(files, ORGANISATION, "store:", "development: true\nstore:")
    strict = declare(files).configuration
    assert signers_needed(strict, to_development, {})
    files[ORGANISATION] += b"development: true\n"
    loose = declare(files).configuration
    files[MANIFEST] = files[MANIFEST].replace(b"max: 500", b"max: 501")
    assert signers_needed(loose, compare(loose, declare(files).configuration), {}) == ()


def test_values_of_the_environment_are_not_repeated(files: dict[str, bytes]) -> None:
    _, change = changed(files, MANIFEST, "name: bank,", "name: bank, env: {TOKEN: hunter2},")
    assert [str(one) for one in change.differences] == ["wider: payments-agent: component bank env: changed"]


def test_policies_may_move_between_files(files: dict[str, bytes]) -> None:
    before = declare(files).configuration
    files["policies/all.cedar"] = files.pop(POLICY)
    assert compare(before, declare(files).configuration).whole == "same"


def test_refusing_an_argument_is_wider_where_breaking_its_rule_weighed_more(files: dict[str, bytes]) -> None:
    rule, refused = "amount: {min: 0.5, max: 500, otherwise: deny}", "per_run: 3\n    only_declared: true"
    text = files[MANIFEST].decode().replace("amount: {min: 0.5, max: 500}", rule)
    text = text.replace("bank.send_money.amount: 20000, ", "")
    after = text.replace(f"      {rule}\n", "").replace("per_run: 3", refused, 1)
    before = declare({**files, MANIFEST: text.encode()}).configuration
    files.pop(POLICY)
    change = compare(before, declare({**files, MANIFEST: after.encode()}).configuration)
    assert "wider: payments-agent: tool bank.send_money amount: may no longer come" in map(
        str, change.differences
    )
