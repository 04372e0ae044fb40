"""`/metrics`: OpenMetrics text, derived from the state the record gives, at the moment it is asked for."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from standwatch.fronts.control_ports import Status

OPENMETRICS: Final = "application/openmetrics-text; version=1.0.0; charset=utf-8"
_LEVELS: Final = ("halted", "restricted", "supervised", "autonomous")


def metrics(status: Status, problem: str) -> bytes:
    """`status` as gauges and counters; `problem` is why nothing may pass now."""
    lines = [
        *_family("standwatch_ready", "gauge", "Whether actions may pass.", [("", 0 if problem else 1)]),
        *_family(
            "standwatch_grant",
            "gauge",
            "Authority of a system: 0 halted, 1 restricted, 2 supervised, 3 autonomous.",
            [(_label(system=one.system), _LEVELS.index(one.level)) for one in status.systems],
        ),
        *_family(
            "standwatch_grant_until_seconds",
            "gauge",
            "When a system's grant is computed anew (Unix time).",
            [(_label(system=one.system), one.until / 1e6) for one in status.systems if one.until],
        ),
        *_family("standwatch_holds", "gauge", "Holds in force.", [("", len(status.holds))]),
        *_family("standwatch_relaxations", "gauge", "Relaxations in force.", [("", len(status.relaxations))]),
        *_family(
            "standwatch_watch",
            "gauge",
            "Whether a watch is kept: 0 where somebody should and nobody does, 1 where it is, or need not be.",
            [(_label(watch=one.name), int(one.state != "unattended")) for one in status.watches],
        ),
        *_family(
            "standwatch_bypass_seconds",
            "gauge",
            "Time in bypass in the last thirty days.",
            [
                (_label(system=one.system, check=check), micros / 1e6)
                for one in status.systems
                for check, micros in one.bypass.items()
            ],
        ),
        *_family(
            "standwatch_questions", "gauge", "Questions that wait for a human.", [("", len(status.questions))]
        ),
        *_family("standwatch_runs", "gauge", "Open runs.", [("", len(status.runs))]),
        *_family("standwatch_in_flight", "gauge", "Intents without an outcome.", [("", len(status.flights))]),
        *_family("standwatch_agents", "gauge", "Principals with a token.", [("", status.agents)]),
        *_family(
            "standwatch_log_entries", "counter", "Entries in the record.", [("_total", status.log.size)]
        ),
        *_family(
            "standwatch_log_signed_entries",
            "gauge",
            "Entries under the last checkpoint.",
            [("", max(status.log.checkpoint, 0))],
        ),
        *_family(
            "standwatch_log_behind_seconds",
            "gauge",
            "How long the oldest unsigned entry has waited.",
            [("", status.log.behind / 1e6)],
        ),
    ]
    return ("\n".join(lines) + "\n# EOF\n").encode()


def _family(name: str, kind: str, text: str, samples: Iterable[tuple[str, float]]) -> list[str]:
    return [
        f"# TYPE {name} {kind}",
        f"# HELP {name} {text}",
        *(f"{name}{label} {value}" for label, value in samples),
    ]


def _label(**labels: str) -> str:
    return "{" + ",".join(f'{name}="{_escaped(value)}"' for name, value in labels.items()) + "}"


def _escaped(value: str) -> str:
    return value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
