"""The status page: one dense table, one colour per level, the commands that help. No script."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Iterable
from datetime import UTC, datetime
from hashlib import sha256
from html import escape
from typing import Final

from standwatch.fronts.control_models import ModelLine
from standwatch.fronts.control_ports import FlightLine, HoldLine, QuestionLine, Status, SystemLine

_STYLE: Final = """
:root{color-scheme:light dark;--ink:#1b1f24;--dim:#59636e;--paper:#fff;--line:#d1d9e0;--soft:#f6f8fa;
--autonomous:#1a7f37;--supervised:#9a6700;--restricted:#bc4c00;--halted:#cf222e}
@media(prefers-color-scheme:dark){:root{--ink:#e6edf3;--dim:#9198a1;--paper:#0d1117;--line:#3d444d;--soft:#151b23;
--autonomous:#3fb950;--supervised:#d29922;--restricted:#f0883e;--halted:#f85149}}
*{box-sizing:border-box}
body{margin:0 auto;max-width:72rem;padding:1rem;background:var(--paper);color:var(--ink);
font:15px/1.45 system-ui,sans-serif}
h1{font-size:1.25rem;margin:0}h2{font-size:1rem;margin:1.75rem 0 .5rem}
p{margin:.25rem 0}header p,.dim,dt{color:var(--dim)}
code{font:13px/1.4 ui-monospace,monospace;background:var(--soft);padding:.1rem .3rem;border-radius:4px;
overflow-wrap:anywhere}
.scroll{overflow-x:auto}
table{border-collapse:collapse;width:100%}
th,td{text-align:left;vertical-align:top;padding:.45rem .75rem .45rem 0;border-bottom:1px solid var(--line)}
th{font-weight:600;color:var(--dim);font-size:.85rem}
.level{font-weight:600;white-space:nowrap}
.level::before{content:"";display:inline-block;width:.7em;height:.7em;border-radius:50%;margin-right:.45em;
background:currentColor}
.autonomous{color:var(--autonomous)}.supervised{color:var(--supervised)}
.restricted{color:var(--restricted)}.halted{color:var(--halted)}
.warn{border-left:4px solid var(--supervised);padding:.35rem .75rem;background:var(--soft);margin:.5rem 0}
footer{margin-top:2rem;color:var(--dim);font-size:.85rem}
@media(max-width:40rem){
thead{position:absolute;width:1px;height:1px;overflow:hidden;clip-path:inset(50%)}
tr{display:block;padding:.6rem 0;border-bottom:1px solid var(--line)}
td{display:block;border:0;padding:.1rem 0}
td[data-is]::before{content:attr(data-is) ": ";color:var(--dim)}}
"""

_POLICY: Final = (
    "default-src 'none'; style-src 'sha256-"
    + b64encode(sha256(_STYLE.encode()).digest()).decode()
    + "'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'"
)
_EVERY: Final = 10  # seconds between two refreshes


def page(status: Status) -> tuple[bytes, str]:
    """The page, and the content security policy that goes with it."""
    title = f"{status.organisation}: {_headline(status)}"
    body = f"""<!doctype html>
<html lang="en"><head><meta charset="utf-8">
<meta name="viewport" content="width=device-width,initial-scale=1">
<meta http-equiv="refresh" content="{_EVERY}">
<title>{escape(title)}</title><style>{_STYLE}</style></head>
<body><header><h1>{escape(status.organisation)}</h1>
<p>{escape(_headline(status))}. {_time(status.now)}</p></header>
<main>
{"".join(f'<p class="warn">{escape(text)}</p>' for text in status.warnings)}
{_questions(status)}{_holds(status)}{_relaxations(status)}{_systems(status)}{_flights(status.flights)}
</main>
<footer><p>Record: {status.log.size:,} entries, {max(status.log.checkpoint, 0):,} signed.
Configuration <code>{escape(status.root[:16])}</code>. {len(status.runs)} open runs, {status.agents} agents.
Seams of the last thousand entries: {escape(_seams(status))}.
<a href="/api/v1/openapi.json">API</a>. Refreshed every {_EVERY} s.</p></footer>
</body></html>"""
    return body.encode(), _POLICY


def _headline(status: Status) -> str:
    counts = [
        (len(status.questions), "waiting for a signature"),
        (len(status.holds), "on hold"),
        (len(status.relaxations), "relaxed"),
        (sum(one.level == "halted" for one in status.systems), "halted"),
    ]
    said = [f"{count} {what}" for count, what in counts if count]
    return ", ".join(said) if said else "nothing is waiting and nothing is held"


def _systems(status: Status) -> str:
    rows = [_system(one, status) for one in status.systems]
    return _table(
        "Systems",
        ("System", "Authority", "Why, and what would cure it", "Owner"),
        rows,
        "No system is declared.",
    )


def _system(one: SystemLine, status: Status) -> str:
    why = "".join(
        f"<p>{escape(reason.text)}{f' <code>{escape(reason.cure)}</code>' if reason.cure else ''}</p>"
        for reason in one.reasons
    )
    until = f'<p class="dim">until {_time(one.until)}</p>' if one.until else ""
    models = "".join(f"<p>{escape(_model(each))}</p>" for each in one.models)
    stakes = escape("; ".join(one.tier_reasons))
    tier = f'<p class="dim">tier {one.tier} ({stakes}), {escape(one.environment)}: {escape(one.demands)}</p>'
    return _row(
        (f"<strong>{escape(one.system)}</strong><p class='dim'>{escape(one.purpose)}</p>", ""),
        (f'<span class="level {escape(one.level)}">{escape(one.level)}</span>{until}', ""),
        ((why or "<p>Within its envelope.</p>") + models + tier, ""),
        (f"{_people(one.owner, status)}", "owner"),
    )


def _model(one: ModelLine) -> str:
    """Who answers for one model, in a line."""
    said = [f"{one.model}@{one.version} serves" if one.version else f"no version of {one.model} serves"]
    if one.held:
        said = [f"{one.model}@{one.version} is held by {', '.join(map(str, one.held))}: its fallback answers"]
    if one.canary:
        said.append(f"canary {one.canary} {one.share / 100:g} %")
    if one.shadow:
        said.append(f"shadow {one.shadow}")
    if one.pinned:
        said.append(f"pinned by hold {', '.join(map(str, one.pinned))}")
    if one.rows:
        said.append(f"{one.fallback / one.rows:.1%} of the last {one.rows:,} rows by the fallback")
    return "; ".join(said)


def _holds(status: Status) -> str:
    rows = [_hold(one, status) for one in status.holds]
    return _table("Holds", ("Scope", "By", "Reason", "To release"), rows, "")


def _hold(one: HoldLine, status: Status) -> str:
    command = f"standwatch release {one.id} --reason …" if one.id >= 0 else "not in the record yet"
    until = f", until {_time(one.until)}" if one.until else ""
    return _row(
        (f'<span class="level halted">{escape(one.scope)}</span>', ""),
        (f"{_people((one.by,), status)}, {_time(one.at)}{until}", "by"),
        (escape(one.reason), "reason"),
        (f"<code>{escape(command)}</code>", ""),
    )


def _relaxations(status: Status) -> str:
    rows = [
        _row(
            (
                f'<span class="level supervised">{escape(one.check)}</span>'
                f"<p class='dim'>{escape(one.system)}, {escape(one.scope)}</p>",
                "",
            ),
            (f"{_people(one.signed, status)}, until {_time(one.until)}", "signed by"),
            (f"{escape(one.compensating)}<p class='dim'>{escape(one.reason)}</p>", "stands in"),
            (f"<code>{escape(one.restore)}</code>", ""),
        )
        for one in status.relaxations
    ]
    return _table("Relaxed", ("Check", "Signed by", "What stands in, and why", "To end it"), rows, "")


def _questions(status: Status) -> str:
    rows = [_question(one, status) for one in status.questions]
    return _table("Waiting for a signature", ("Action", "Asked", "Who may answer", "To answer"), rows, "")


def _question(one: QuestionLine, status: Status) -> str:
    return _row(
        (
            f"<strong>{escape(one.tool)}</strong><p class='dim'>{escape(one.system)}, by {escape(one.by)}</p>",
            "",
        ),
        (f"{_time(one.at)}, open until {_time(one.until)}", "asked"),
        (_people(one.signers, status), "may answer"),
        (f"<p><code>{escape(one.approve)}</code></p><p><code>{escape(one.refuse)}</code></p>", ""),
    )


def _flights(flights: tuple[FlightLine, ...]) -> str:
    rows = [
        _row(
            (f"<code>{escape(one.id)}</code>", ""),
            (f"{escape(one.tool)} of {escape(one.system)}", ""),
            (_time(one.at), "since"),
        )
        for one in flights
    ]
    return _table("In flight", ("Action", "Tool", "Since"), rows, "")


def _table(title: str, heads: tuple[str, ...], rows: list[str], empty: str) -> str:
    if not rows:
        return f"<h2>{escape(title)}</h2><p>{escape(empty)}</p>" if empty else ""
    head = "".join(f'<th scope="col">{escape(one)}</th>' for one in heads)
    return (
        f'<h2>{escape(title)}</h2><div class="scroll"><table><thead><tr>{head}</tr></thead>'
        f"<tbody>{''.join(rows)}</tbody></table></div>"
    )


def _row(*cells: tuple[str, str]) -> str:
    inner = "".join(
        f'<td data-is="{what}">{html}</td>' if what else f"<td>{html}</td>" for html, what in cells
    )
    return f"<tr>{inner}</tr>"


def _people(idents: Iterable[str], status: Status) -> str:
    return escape(", ".join(status.names.get(one, one) for one in idents)) or "nobody"


def _seams(status: Status) -> str:
    return ", ".join(f"{count} {seam}" for seam, count in status.seams.items()) or "none"


def _time(at: int) -> str:
    return f"{datetime.fromtimestamp(at / 1e6, UTC):%Y-%m-%d %H:%M:%S}+00:00"
