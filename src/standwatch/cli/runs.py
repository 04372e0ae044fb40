"""`runs`: which runs there were, and what one of them read, did, and was refused, in order."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from typing import Any, Final

from standwatch.cli.show import advise, out, paint, row, say, visible, when
from standwatch.cli.verbs import DONE, Verb
from standwatch.cli.wire import Server, organisation, segment

_CUT: Final = 160
"""Characters of a value, and of what came back, that are shown: `explain` shows all."""
_PAGE: Final = 50
_COLOURS: Final = {
    "done": "good",
    "approved": "good",
    "endorsed": "good",
    "waiting": "warn",
    "deferred": "warn",
}


def _arguments(parser: ArgumentParser) -> None:
    parser.add_argument(
        "ident", nargs="?", default="", metavar="RUN", help="what this one did; without: the latest"
    )
    parser.add_argument("--system", default="", metavar="NAME", help="runs of this system alone")
    parser.add_argument(
        "--from", dest="begin", type=int, default=0, metavar="N", help="acts from this one on"
    )


def runs(given: Namespace) -> int:
    """The latest runs, or what one did."""
    server = Server(organisation(given.org))
    if given.ident:
        found = server.get(f"/runs/{segment(given.ident)}", limit=str(_PAGE), **{"from": str(given.begin)})
    else:
        found = server.get("/runs", system=given.system)
    if given.json:
        out(found)
    elif given.ident:
        _story(found)
    else:
        _list(found["runs"])
    return DONE


def _list(found: list[dict[str, Any]]) -> None:
    for one in found:
        counts = (("denied", one["denied"]), ("asked", one["asked"]), ("refused by people", one["refused"]))
        said = ", ".join((f"{one['acts']} acts", *(f"{count} {word}" for word, count in counts if count)))
        row("run", "", one["run"], one["system"], one["principal"], when(one["at"]), said)
        advise(f"task: {_cut(one['task'])}" if one["task"] else "no task", f"standwatch runs {one['run']}")
    if not found:
        say("no runs")


def _story(found: dict[str, Any]) -> None:
    say(
        f"{paint('run ' + visible(found['run']), 'bold')}  {visible(found['principal'])} in {visible(found['system'])}"
    )
    opened = f"opened {when(found['at'])} by {visible(found['by'])} (entry {found['opened']})"
    ended = f"ended {when(found['closed_at'])} (entry {found['closed']})" if found["closed"] >= 0 else "open"
    say(f"  {opened}, {ended}", f"  task: {visible(found['task']) or 'none'}")
    if found["second_place"] >= 0:
        advise(
            f"its token was used elsewhere (entry {found['second_place']})",
            "halt it unless you know both places",
        )
    for word, others in (("above", found["above"]), ("below", found["below"])):
        for other in others:
            advise(f"the run {word}", f"standwatch runs {other}")
    for act in found["acts"]:
        _act(act)
    for one in found["doubts"]:
        _doubt(one)
    if found["next"] > 0:
        advise("more", f"standwatch runs {found['run']} --from {found['next']}")
    if found["closed"] < 0:
        advise("to stop it", f"standwatch halt run:{found['run']} --reason …")


def _act(act: dict[str, Any]) -> None:
    code = f"{act['word']} ({act['code']})" if act["code"] else act["word"]
    row(code, _COLOURS.get(act["word"], "bad"), when(act["at"]), act["tool"], act["effect"], act["id"])
    for flow in act["flows"]:
        where = f" of {flow['tool']} (entry {flow['of']})" if flow["of"] >= 0 else ""
        advise(f"{flow['pointer']} = {_cut(flow['value'])}   from {flow['source']}{where}")
    for answer in act["answers"]:
        advise(f"{answer['decision']} by {answer['by']}, {when(answer['at'])} (entry {answer['index']})")
    if act["result"]:
        advise(f"came back: {_cut(act['result'].strip())}")
    if act["word"] not in ("done", "decided"):
        advise("why", f"standwatch explain {act['id']}")


def _doubt(one: dict[str, Any]) -> None:
    """What the agent said that the record contradicts."""
    entries = ", ".join(map(str, one.get("entries", ()))) or "none: it was never asked for"
    row(
        "its word",
        "bad",
        when(one["at"]),
        one["code"],
        f"said in entry {one['of']}; entries that say otherwise: {entries}",
    )
    for sentence in one.get("sentences", ()):
        advise(f"it said: {_cut(sentence['said'])}")


def _cut(text: str) -> str:
    return text if len(text) <= _CUT else text[: _CUT - 1] + "…"


VERBS: Final = (
    Verb(
        "runs",
        "Which runs there were; what one read, did and was refused, with where each value came from.",
        "standwatch runs 01m7z28dacfktt17bjvx2ccfb4",
        _arguments,
        runs,
    ),
)
