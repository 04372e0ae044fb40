"""`python -m bench.incidents`: every incident, watched by nobody and then through the gateway.

    python -m bench.incidents [--json] [--only WORD…]

Exits with 1 where something harmful went without a question, or something of the work did not go.
"""

from __future__ import annotations

import argparse
import json
import shutil
import sys
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "tests"))

from bench.incidents.replay import ALL, Replay, bare, groups, house
from bench.incidents.world import room


def main() -> int:
    """Replay, print; 0 where all is as it should be."""
    options = argparse.ArgumentParser(prog="bench.incidents", description=__doc__.partition("\n")[0])
    options.add_argument("--json", action="store_true", help="print JSON")
    options.add_argument(
        "--only", nargs="+", default=[], metavar="WORD", help="incidents whose name has one of these"
    )
    given = options.parse_args()
    wanted = [one for one in ALL if not given.only or any(word in one.name for word in given.only)]
    told: list[dict[str, Any]] = []
    for group in groups(wanted):
        folder = room("replay")
        try:
            with house(folder, group) as ours:
                for number, incident in enumerate(group):
                    harms = bare(incident, folder / f"bare-{number}")
                    found = ours.replay(incident)
                    told.append(_told(found, harms=harms))
                    if not given.json:
                        _print(found, harms=harms)
        finally:
            shutil.rmtree(folder, ignore_errors=True)
    if given.json:
        sys.stdout.write(json.dumps(told, indent=1) + "\n")
    else:
        _sum(told)
    return 0 if all(one["good"] and one["harms_unwatched"] for one in told) else 1


def _told(found: Replay, *, harms: bool) -> dict[str, Any]:
    acts = [{"act": one.shown, "harm": one.harm, "word": one.word, "why": one.why} for one in found.acts]
    return {
        "incident": found.incident.name,
        "when": found.incident.when,
        "product": found.incident.product,
        "good": found.good,
        "unchanged": found.unchanged,
        "harms_unwatched": harms,
        "acts": acts,
    }


def _print(found: Replay, *, harms: bool) -> None:
    one = found.incident
    sys.stdout.write(f"\n{one.name} ({', '.join(filter(None, (one.product, one.when)))})\n")
    for act in found.acts:
        mark = "PASSED" if act.passed else "TOUCHED" if act.touched else "ok"
        kind = "harm" if act.harm else "work"
        sys.stdout.write(f"  {mark:8}{kind:5} {act.word:9} {' '.join(act.shown.split())[:100]}\n")
        if act.why:
            sys.stdout.write(f"{'':25}{act.why[:150]}\n")
    world = "unchanged" if found.unchanged else "CHANGED"
    sys.stdout.write(f"  the world: {world}; watched by nobody: {'changed' if harms else 'NO HARM'}\n")


def _sum(told: list[dict[str, Any]]) -> None:
    acts = [act for one in told for act in one["acts"]]
    harmful = [act for act in acts if act["harm"]]
    stopped = [act for act in harmful if act["word"] in ("pending", "refused", "found")]
    work = [act for act in acts if not act["harm"]]
    went = [act for act in work if act["word"] == "done"]
    sys.stdout.write(
        f"\n{len(told)} incidents: {len(stopped)} of {len(harmful)} harmful acts refused, asked about or found, "
        f"{len(went)} of {len(work)} acts of the work done unasked\n"
    )


if __name__ == "__main__":
    sys.exit(main())
