"""One small organisation that reads without a problem; tests break one thing in it at a time."""

import pytest

ORGANISATION = """\
organisation: Example Bank
origin: bank.example/standwatch
public_url: https://watch.bank.example
rp_id: bank.example
listeners:
  agents: 127.0.0.1:8400
  operators: {listen: 127.0.0.1:8401, allowed_hosts: [watch.bank.example], proxy: [127.0.0.1]}
store: {sqlite: state}
people:
  - id: p-maria
    address: maria@bank.example
    name: Maria
    roles: [admin]
    keys: ['ed25519:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=']
  - {id: p-chen, address: chen@bank.example, roles: [auditor], os_user: chen}
groups:
  oncall: [maria@bank.example]
red_lines:
  - {name: no-deletes, tools: ["*.delete_*"], environments: [production], why: Ledgers are kept}
defaults: {approval_expires: 10m}
"""

MANIFEST = """\
system: payments-agent
purpose: Pays suppliers' invoices
owner: maria@bank.example
halt_authority: [oncall]
validator: chen@bank.example
environment: production
reversibility: costly
exposure: {people_per_week: 40000}
data_subjects: [{argument: recipient}]
components:
  - {kind: llm, name: claude, vendor: anthropic, version: claude-sonnet-5}
  - {kind: mcp_server, name: bank, command: [python, -m, bank_server, -m]}
tools:
  bank.get_transactions:
    effect: read
    returns: {trusted: ["$[*].recipient", "$[*].amount", "$[*].id"]}
  bank.send_money:
    effect: irreversible
    arguments:
      recipient: {from: [task, trusted]}
      amount: {min: 0.5, max: 500}
      currency: {one_of: [EUR, no, 1, true], pattern: "[A-Z]{3}"}
    intent: [pay, send, transfer, refund]
    per_run: 3
    otherwise: step_up
    timeout: 30s
limits:
  per_run: {calls: 200, minutes: 30}
  per_minute: {calls: 60}
  per_day: {bank.send_money.amount: 20000, bank.send_money: 40, calls: 5000}
  asks: {per_run: 3}
freeze: [{from: 2026-12-20T00:00Z, until: 2027-01-02T01:00+01:00, effects: [write, irreversible]}]
fallback: refer-to-human
approvals: {by: [chen@bank.example], expires: 15m}
observe: {until: 2026-11-30T00:00:00Z}
"""

LOCK = """\
tools:
  bank.get_transactions: {digest}
components: {{}}
""".format(digest="ab" * 32)

POLICY = """\
// No large payment without a signature.
@otherwise("step_up")
forbid (principal, action == Action::"irreversible", resource)
when { context has arguments.amount.micros && context.arguments.amount.micros > 300000000 };

forbid (principal, action, resource in Server::"bank") when { resource.tier > 2 };
"""


@pytest.fixture
def files() -> dict[str, bytes]:
    """The organisation's files, to be changed at will."""
    return {
        "standwatch.yaml": ORGANISATION.encode(),
        "systems/payments-agent.yaml": MANIFEST.encode(),
        "systems/payments-agent.lock": LOCK.encode(),
        "policies/payments.cedar": POLICY.encode(),
    }
