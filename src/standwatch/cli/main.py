"""`standwatch`: one program, one verb for each thing that can be done."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence

from standwatch import __version__
from standwatch.cli import (
    agents,
    answers,
    budget,
    configuration,
    coverage,
    door,
    evidence,
    glass,
    holds,
    hook,
    key,
    look,
    notify,
    overrides,
    passkeys,
    ranges,
    record,
    relaxations,
    replaying,
    runs,
    sealed,
    serving,
    sessions,
    setting_up,
    suggesting,
    versions,
    watch,
)
from standwatch.cli.show import complain, there
from standwatch.cli.verbs import MISUSE, NO, UNABLE, Verb, common
from standwatch.cli.wire import Refused, Unreachable
from standwatch.facts.errors import Malformed, Misconfigured, StandwatchError, Tampered, Unrecorded

GROUPS: tuple[tuple[str, tuple[Verb, ...]], ...] = (
    ("Set up", (*setting_up.VERBS, *suggesting.VERBS, *hook.VERBS)),
    ("Run", (*serving.VERBS, *door.VERBS)),
    ("Look", (*look.VERBS, *runs.VERBS, *coverage.VERBS)),
    ("Stop, and start again", holds.VERBS),
    ("Keep watch", watch.VERBS),
    ("Deploy, and take back", versions.VERBS),
    ("Correct", overrides.VERBS),
    ("Bypass, for a while", (*relaxations.VERBS, *glass.VERBS)),
    ("Answer", (*answers.VERBS, *budget.VERBS)),
    ("Vouch", (*evidence.VERBS, *ranges.VERBS)),
    ("Change", (*configuration.VERBS, *replaying.VERBS)),
    ("Prove", record.VERBS),
    ("Tell", notify.VERBS),
    ("People and programs", (*agents.VERBS, *key.VERBS, *passkeys.VERBS, *sessions.VERBS, *sealed.VERBS)),
)


def parser() -> argparse.ArgumentParser:
    """The whole command line."""
    shared = common()
    top = argparse.ArgumentParser(
        prog="standwatch",
        description="The standing watch over the AI that an organisation deploys.",
        epilog=_overview(),
        formatter_class=argparse.RawDescriptionHelpFormatter,
        parents=[shared],
    )
    top.add_argument("--version", action="version", version=f"standwatch {__version__}")
    verbs = top.add_subparsers(dest="verb", metavar="VERB", required=True, help=argparse.SUPPRESS)
    for _, group in GROUPS:
        for verb in group:
            sub = verbs.add_parser(
                verb.name,
                description=verb.help,
                epilog=f"example:\n  {verb.example}",
                formatter_class=argparse.RawDescriptionHelpFormatter,
                parents=[shared],
            )
            verb.arguments(sub)
            sub.set_defaults(run=verb.run)
    return top


def _overview() -> str:
    width = max(len(verb.name) for _, group in GROUPS for verb in group) + 2
    lines: list[str] = []
    for heading, group in GROUPS:
        lines += [f"{heading}:", *(f"  {verb.name:<{width}}{verb.help}" for verb in group), ""]
    return "\n".join([*lines, "example:\n  standwatch halt system:payments-agent --reason 'odd payments'"])


def main(arguments: Sequence[str] | None = None) -> int:
    """Do what `arguments` say; returns the exit code. Every error ends with the command that helps."""
    given = parser().parse_args(arguments, argparse.Namespace())
    given.org = getattr(given, "org", None) or os.environ.get("STANDWATCH_ORG") or "."
    given.json = getattr(given, "json", False)
    try:
        return given.run(given)
    except StandwatchError as error:
        cure = there(error.cure, given.org)
        complain(error, code=error.code, cure=cure, reference=error.reference, as_json=given.json)
        return exit_code(error)
    except KeyboardInterrupt:
        return 130
    except OSError as error:
        return _machine(error, as_json=given.json)


def _machine(error: OSError, *, as_json: bool) -> int:
    """The machine said no: a port that is taken, a disk that is full, a reader that has seen enough."""
    if isinstance(error, BrokenPipeError):  # `standwatch tail | head`
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    complain(error, code="machine", cure="", reference="", as_json=as_json)
    return UNABLE


def exit_code(error: StandwatchError) -> int:
    """1 refused or found wanting, 2 misuse or bad configuration, 3 could not reach or could not do."""
    match error:
        case Unreachable() | Unrecorded():
            return UNABLE
        case Refused(status=400 | 422):
            return MISUSE
        case Refused(status=status) if status >= 500:
            return UNABLE
        case Malformed() | Misconfigured() | StandwatchError(code="no_organisation"):
            return MISUSE
        case Tampered():
            return NO
        case _:
            return NO


def run() -> None:
    """The program's entry point."""
    sys.exit(main())


if __name__ == "__main__":
    run()
