"""What a verb is: its place in `--help`, its arguments, and the function that does it."""

from __future__ import annotations

from argparse import SUPPRESS, ArgumentParser, Namespace
from collections.abc import Callable
from typing import NamedTuple


class Verb(NamedTuple):
    """`run` gets the parsed arguments and returns the exit code: 0 done, 1 refused, 2 misuse, 3 could not."""

    name: str
    help: str
    example: str
    arguments: Callable[[ArgumentParser], None]
    run: Callable[[Namespace], int]


DONE, NO, MISUSE, UNABLE = 0, 1, 2, 3
"""Exit codes of CONTRACT.md."""


def nothing(_: ArgumentParser) -> None:
    """For a verb without arguments of its own."""


def common() -> ArgumentParser:
    """Options that may stand before the verb or behind it: the parent of every parser."""
    shared = ArgumentParser(add_help=False)
    shared.add_argument(
        "--org",
        default=SUPPRESS,
        metavar="DIR",
        help="the organisation's folder (default: $STANDWATCH_ORG or .)",
    )
    shared.add_argument("--json", action="store_true", default=SUPPRESS, help="answer in JSON")
    return shared
