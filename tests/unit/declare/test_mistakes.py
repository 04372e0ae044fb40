# ruff: noqa: E501 — a message is one line, here as on the terminal
"""Each mistake, and exactly what is said of it: `file:line:column: what, and what was expected`."""

import pytest

from standwatch.declare.configuration import declare
from standwatch.facts.errors import Misconfigured

ORGANISATION = "standwatch.yaml"
MANIFEST = "systems/payments-agent.yaml"
LOCK = "systems/payments-agent.lock"
POLICY = "policies/payments.cedar"

# (file, what stands there, what is written instead, every problem told)
MISTAKES: list[tuple[str, str, str, list[str]]] = [
    (
        ORGANISATION,
        "store: {sqlite: state}",
        "stoer: {sqlite: state}",
        [
            "standwatch.yaml:8:1: unknown key 'stoer' in the organisation, expected 'store' (did you mean that?)"
        ],
    ),
    (
        ORGANISATION,
        "origin: bank.example/standwatch\n",
        "",
        ["standwatch.yaml:1:1: the organisation says no 'origin', expected origin: …"],
    ),
    (ORGANISATION, "name: Maria", "name: [Maria]", ["standwatch.yaml:12:11: a list, expected a name"]),
    (
        ORGANISATION,
        "id: p-chen",
        "id: p-maria",
        [
            "standwatch.yaml:15:10: the id 'p-maria' is taken (line 10), expected it to mean one person",
            "systems/payments-agent.yaml:5:12: p-maria both owns and validates, expected somebody else",
        ],
    ),
    (
        ORGANISATION,
        "id: p-chen",
        "id: chen@bank.example",
        [
            "standwatch.yaml:15:10: 'chen@bank.example', expected an opaque id in lower-case letters, digits, - and _"
        ],
    ),
    (
        ORGANISATION,
        "address: chen@bank.example",
        "address: MARIA@bank.example",
        [
            "standwatch.yaml:15:27: the address 'maria@bank.example' is taken (line 11), expected it to mean one person",
            "systems/payments-agent.yaml:34:18: 'chen@bank.example' is nobody, expected a person of standwatch.yaml: 'maria@bank.example' (did you mean that?)",
        ],
    ),
    (
        ORGANISATION,
        "address: chen@bank.example,",
        "address: chen@bank.example, keys: ['ed25519:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA='],",
        [
            "standwatch.yaml:15:53: the public key 'ed25519:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=' is taken (line 14), expected it to mean one person"
        ],
    ),
    (
        ORGANISATION,
        "ed25519:AAAA",
        "ed25519:A",
        [
            "standwatch.yaml:14:12: 'ed25519:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=', expected an Ed25519 public key as 'ed25519:' and 44 characters of base64"
        ],
    ),
    (
        ORGANISATION,
        "AAA=",
        "AAB=",
        [
            "standwatch.yaml:14:12: 'ed25519:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAB=' is not canonical base64, expected an Ed25519 public key as 'ed25519:' and 44 characters of base64"
        ],
    ),
    (
        ORGANISATION,
        "roles: [auditor]",
        "roles: [auditer]",
        ["standwatch.yaml:15:54: 'auditer', expected 'auditor' (did you mean that?)"],
    ),
    (
        ORGANISATION,
        "oncall: [maria@bank.example]",
        "oncall: [mara@bank.example]",
        [
            "standwatch.yaml:17:12: 'mara@bank.example' is nobody, expected a person of standwatch.yaml: 'maria@bank.example' (did you mean that?)"
        ],
    ),
    (
        ORGANISATION,
        "127.0.0.1:8400",
        "127.0.0.1:8401",
        [
            "standwatch.yaml:7:14: agents and operators both listen on 127.0.0.1:8401, expected two different ports"
        ],
    ),
    (
        ORGANISATION,
        "127.0.0.1:8400",
        "127.0.0.1",
        ["standwatch.yaml:6:11: '127.0.0.1', expected HOST:PORT such as 127.0.0.1:8400"],
    ),
    (
        ORGANISATION,
        "127.0.0.1:8400",
        "127.0.0.1:99999",
        ["standwatch.yaml:6:11: port 99999, expected at most 65535"],
    ),
    (
        ORGANISATION,
        "https://watch",
        "http://watch",
        ["standwatch.yaml:3:13: http://watch.bank.example is not protected, expected https://…"],
    ),
    (
        ORGANISATION,
        "rp_id: bank.example",
        "rp_id: other.example",
        [
            "standwatch.yaml:4:8: 'other.example' is not part of public_url's host, expected 'watch.bank.example' or a parent of it"
        ],
    ),
    (
        ORGANISATION,
        'tools: ["*.delete_*"], environments: [production], ',
        "",
        [
            "standwatch.yaml:19:5: a red line that names nothing forbids everything, expected systems, tools, environments or effects"
        ],
    ),
    (
        ORGANISATION,
        "approval_expires: 10m",
        "approval_expires: 10",
        ["standwatch.yaml:20:30: '10', expected a duration such as 30s, 15m, 1h or 7d"],
    ),
    (
        ORGANISATION,
        "store: {sqlite: state}",
        "development: yes",
        ["standwatch.yaml:8:14: 'yes', expected true or false"],
    ),
    (
        MANIFEST,
        "system: payments-agent",
        "system: payments",
        [
            "systems/payments-agent.yaml:1:9: 'payments' in the file of 'payments-agent', expected 'payments-agent'"
        ],
    ),
    (
        MANIFEST,
        "validator: chen@bank.example",
        "validator: maria@bank.example",
        ["systems/payments-agent.yaml:5:12: p-maria both owns and validates, expected somebody else"],
    ),
    (
        MANIFEST,
        "by: [chen@bank.example]",
        "by: [chan@bank.example]",
        [
            "systems/payments-agent.yaml:34:18: 'chan@bank.example' is nobody, expected a person of standwatch.yaml: 'chen@bank.example' (did you mean that?)"
        ],
    ),
    (
        MANIFEST,
        "by: [chen@bank.example]",
        "by: []",
        ["systems/payments-agent.yaml:34:17: an empty list, expected an address or a group"],
    ),
    (
        MANIFEST,
        "effect: read",
        "efect: read",
        [
            "systems/payments-agent.yaml:15:5: the tool 'bank.get_transactions' says no 'effect', expected effect: …",
            "systems/payments-agent.yaml:15:5: unknown key 'efect' in the tool 'bank.get_transactions', expected 'effect' (did you mean that?)",
        ],
    ),
    (
        MANIFEST,
        "effect: read",
        "effect: reed",
        ["systems/payments-agent.yaml:15:13: 'reed', expected 'read' (did you mean that?)"],
    ),
    (
        MANIFEST,
        "bank.get_transactions:",
        "ledger.get_transactions:",
        [
            "systems/payments-agent.yaml:14:3: 'ledger.get_transactions': no server 'ledger' among the components, expected one of bank"
        ],
    ),
    (
        MANIFEST,
        "bank.get_transactions:",
        "get_transactions:",
        ["systems/payments-agent.yaml:14:3: 'get_transactions', expected server.tool"],
    ),
    (
        MANIFEST,
        "min: 0.5, max: 500",
        "min: 501, max: 500",
        ["systems/payments-agent.yaml:21:31: max 500 is below min 501, expected at least 501"],
    ),
    (MANIFEST, "max: 500", "max: '500'", ["systems/payments-agent.yaml:21:31: '500', expected a number"]),
    (MANIFEST, "max: 500", "max: 0x1F4", ["systems/payments-agent.yaml:21:31: '0x1F4', expected a number"]),
    (
        MANIFEST,
        '"[A-Z]{3}"',
        '"[A-Z"',
        ["systems/payments-agent.yaml:22:55: not an RE2 pattern (missing ]: [A-Z), expected RE2 syntax"],
    ),
    (
        MANIFEST,
        "from: [task, trusted]",
        "from: []",
        ["systems/payments-agent.yaml:20:25: an empty list, expected provenances"],
    ),
    (
        MANIFEST,
        "from: [task, trusted]",
        "from: [task, trust]",
        ["systems/payments-agent.yaml:20:32: 'trust', expected 'trusted' (did you mean that?)"],
    ),
    (
        MANIFEST,
        "one_of: [EUR, no, 1, true]",
        "one_of: [EUR, EUR]",
        ["systems/payments-agent.yaml:22:32: 'EUR' stands twice, expected each once"],
    ),
    (
        MANIFEST,
        "bank.send_money.amount: 20000",
        "bank.send_money.sum: 20000",
        [
            "systems/payments-agent.yaml:30:13: 'bank.send_money.sum' is no declared tool or argument, expected calls, tokens, money, server.tool or server.tool.argument"
        ],
    ),
    (
        MANIFEST,
        "bank.send_money: 40",
        "bank.send_money: 40.5",
        ["systems/payments-agent.yaml:30:61: 40.5 calls, expected a whole number"],
    ),
    (
        MANIFEST,
        "bank.send_money: 40",
        "bank.sendmoney: 40",
        [
            "systems/payments-agent.yaml:30:44: 'bank.sendmoney' is no declared tool or argument, expected calls, tokens, money, server.tool or server.tool.argument"
        ],
    ),
    (
        MANIFEST,
        "until: 2027-01-02T01:00+01:00",
        "until: 2026-12-19T00:00Z",
        [
            "systems/payments-agent.yaml:32:43: the freeze ends before it begins, expected until to be after from"
        ],
    ),
    (
        MANIFEST,
        "2026-12-20T00:00Z",
        "2026-12-20T00:00",
        [
            "systems/payments-agent.yaml:32:17: '2026-12-20T00:00' names no time zone, expected a time with its zone, such as 2026-12-20T00:00Z"
        ],
    ),
    (
        MANIFEST,
        "2026-12-20T00:00Z",
        "2026-13-20T00:00Z",
        [
            "systems/payments-agent.yaml:32:17: '2026-13-20T00:00Z', expected a time with its zone, such as 2026-12-20T00:00Z"
        ],
    ),
    (
        MANIFEST,
        "timeout: 30s",
        "timeout: half a minute",
        [
            "systems/payments-agent.yaml:26:14: 'half a minute', expected a duration such as 30s, 15m, 1h or 7d"
        ],
    ),
    (
        MANIFEST,
        "per_run: 3\n    other",
        "per_run: -3\n    other",
        ["systems/payments-agent.yaml:24:14: '-3', expected an integer of at least 0"],
    ),
    (
        MANIFEST,
        "calls: 200",
        "calls: 1e3",
        ["systems/payments-agent.yaml:28:20: '1e3', expected an integer of at least 0"],
    ),
    (
        MANIFEST,
        "command: [python, -m, bank_server, -m]",
        "command: []",
        ["systems/payments-agent.yaml:12:45: an empty list, expected a command and its arguments"],
    ),
    (
        MANIFEST,
        "command: [python, -m, bank_server, -m]",
        "url: 'https://user:pw@bank.example/mcp'",
        [
            "systems/payments-agent.yaml:12:41: 'https://user:pw@bank.example/mcp', expected an address http(s)://… without credentials"
        ],
    ),
    (
        MANIFEST,
        "command: [python, -m, bank_server, -m]",
        "vendor: us",
        [
            "systems/payments-agent.yaml:12:5: the server 'bank' has neither command nor url, expected exactly one"
        ],
    ),
    (
        MANIFEST,
        "version: claude-sonnet-5",
        "command: [claude]",
        [
            "systems/payments-agent.yaml:11:59: command on a component of kind llm, expected it on an mcp_server only"
        ],
    ),
    (
        MANIFEST,
        "name: bank",
        "name: claude",
        [
            "systems/payments-agent.yaml:11:3: two components are called 'claude', expected different names",
            "systems/payments-agent.yaml:14:3: 'bank.get_transactions': no server 'bank' among the components, expected one of claude",
            "systems/payments-agent.yaml:17:3: 'bank.send_money': no server 'bank' among the components, expected one of claude",
        ],
    ),
    (
        MANIFEST,
        "{argument: recipient}",
        "{column: recipient}",
        [
            "systems/payments-agent.yaml:9:18: unknown key 'column' in a data subject, expected one of {argument: NAME}, {input: NAME}, {result: NAME}"
        ],
    ),
    (
        MANIFEST,
        "people_per_week: 40000",
        "people_per_week: many",
        ["systems/payments-agent.yaml:8:29: 'many', expected an integer of at least 0"],
    ),
    (
        MANIFEST,
        "$[*].recipient",
        "$..recipient",
        [
            "systems/payments-agent.yaml:16:25: no path of ours: '$..recipient': expected a member's name at character 3 of '$..recipient'"
        ],
    ),
    (
        MANIFEST,
        "fallback: refer-to-human",
        "fallback: shrug",
        ["systems/payments-agent.yaml:33:11: 'shrug', expected one of previous, refer-to-human, refuse"],
    ),
    (
        MANIFEST,
        "environment: production",
        "environment: &e production",
        ["systems/payments-agent.yaml:6:14: an anchor (&e), expected the value itself"],
    ),
    (
        MANIFEST,
        "environment: production",
        "environment: *e",
        [
            "systems/payments-agent.yaml:6:14: '', expected an environment such as production",
            "systems/payments-agent.yaml:6:14: an alias (*e), expected the value itself",
        ],
    ),
    (
        MANIFEST,
        "environment: production",
        "environment: !!str production",
        ["systems/payments-agent.yaml:6:14: a tag (tag:yaml.org,2002:str), expected a plain value"],
    ),
    (
        MANIFEST,
        "environment: production",
        "<<: {environment: production}",
        [
            "systems/payments-agent.yaml:6:1: a merge key (<<), expected the members themselves",
            "systems/payments-agent.yaml:6:1: unknown key '<<' in the manifest, expected one of approvals, components, content, data_subjects, decisions, environment, environments, exposure, fallback, freeze, halt_authority, limits, observe, owner, purpose, relaxations, reversibility, sequences, system, task, tools, validator",
        ],
    ),
    (
        MANIFEST,
        "environment: production",
        "owner: maria@bank.example",
        ["systems/payments-agent.yaml:6:1: 'owner' stands twice (first in line 3), expected each key once"],
    ),
    (
        MANIFEST,
        "environment: production",
        "environment: production\n---\nx: 1",
        ["systems/payments-agent.yaml:7:1: a second document, expected one document in a file"],
    ),
    (
        MANIFEST,
        "environment: production",
        "? [a]\n: b",
        ["systems/payments-agent.yaml:6:3: a collection as a key, expected a word"],
    ),
    (
        MANIFEST,
        "environment: production",
        "environment: {a: [b}",
        ["systems/payments-agent.yaml:6:20: not YAML: did not find expected ',' or ']'"],
    ),
    (
        LOCK,
        "abababababababababababababababababababababababababababababababab",
        "ABABABABABABABABABABABABABABABABABABABABABABABABABABABABABABABAB",
        [
            "systems/payments-agent.lock:2:26: 'ABABABABABABABABABABABABABABABABABABABABABABABABABABABABA…', expected a SHA-256 digest in lower-case hexadecimal"
        ],
    ),
    (
        LOCK,
        "components",
        "componets",
        [
            "systems/payments-agent.lock:3:1: unknown key 'componets' in the lock, expected 'components' (did you mean that?)"
        ],
    ),
    (
        POLICY,
        "forbid (principal, action, resource in",
        "permit (principal, action, resource in",
        [
            "policies/payments.cedar:6:1: a permit, expected forbid: what may be called at all is decided by manifests"
        ],
    ),
    (
        POLICY,
        "@otherwise",
        "@othewise",
        [
            "policies/payments.cedar:2:1: unknown annotation @othewise, expected 'otherwise' (did you mean that?)"
        ],
    ),
    (
        POLICY,
        '"step_up"',
        '"ask"',
        [
            'policies/payments.cedar:2:1: @otherwise(\'ask\'), expected @otherwise("step_up") or @otherwise("deny")'
        ],
    ),
    (
        POLICY,
        "resource.tier > 2",
        "resource.tier >",
        ["policies/payments.cedar:6:1: not Cedar: unexpected token `}`, expected a forbid policy"],
    ),
    (
        POLICY,
        "resource.tier > 2",
        "resource.teir > 2",
        [
            "policies/payments.cedar:6:1: attribute `teir` on entity type `Tool` not found, expected what the generated schema allows"
        ],
    ),
    (
        POLICY,
        "context has arguments.amount.micros && ",
        "",
        [
            'policies/payments.cedar:2:1: unable to guarantee safety of access to optional attribute `arguments.amount.micros` in context for Action::"irreversible", expected what the generated schema allows',
            'policies/payments.cedar:2:1: unable to guarantee safety of access to optional attribute `arguments.amount` in context for Action::"irreversible", expected what the generated schema allows',
            'policies/payments.cedar:2:1: unable to guarantee safety of access to optional attribute `arguments` in context for Action::"irreversible", expected what the generated schema allows',
        ],
    ),
    (
        POLICY,
        'Server::"bank"',
        "?resource",
        ["policies/payments.cedar:6:1: a template, expected a policy without ?principal and ?resource"],
    ),
    (
        POLICY,
        "resource.tier > 2",
        "((((((((((((((((((((((((((((((true))))))))))))))))))))))))))))))",
        ["policies/payments.cedar:6:86: brackets deeper than 24 in one policy, expected a simpler policy"],
    ),
]


@pytest.mark.parametrize(("file", "old", "new", "told"), MISTAKES, ids=lambda value: str(value)[:40])
def test_a_mistake_is_told_with_its_place(
    files: dict[str, bytes], file: str, old: str, new: str, told: list[str]
) -> None:
    text = files[file].decode()
    assert old in text
    files[file] = text.replace(old, new, 1).encode()
    with pytest.raises(Misconfigured) as raised:
        declare(files)
    assert list(raised.value.problems) == told


def test_all_mistakes_of_all_files_are_told_at_once(files: dict[str, bytes]) -> None:
    for file, old, new in (
        (ORGANISATION, "store:", "stoer:"),
        (ORGANISATION, "roles: [auditor]", "roles: [auditer]"),
        (MANIFEST, "effect: read", "effect: reed"),
        (MANIFEST, "fallback: refer-to-human", "fallback: shrug"),
        (LOCK, "components", "componets"),
        (POLICY, "@otherwise", "@othewise"),
    ):
        files[file] = files[file].replace(old.encode(), new.encode(), 1)
    files["systems/other.yaml"] = b"system: [other\n"
    files["policies/notes.txt"] = b""
    with pytest.raises(Misconfigured) as raised:
        declare(files)
    assert [problem.partition(": ")[0] for problem in raised.value.problems] == [
        "policies/notes.txt:1:1",
        "policies/payments.cedar:2:1",
        "standwatch.yaml:8:1",
        "standwatch.yaml:15:54",
        "systems/other.yaml:2:1",
        "systems/payments-agent.lock:3:1",
        "systems/payments-agent.yaml:15:13",
        "systems/payments-agent.yaml:33:11",
    ]
