"""`up`, `connect`, `demo`: what runs."""

from __future__ import annotations

import os
import sys
from argparse import ArgumentParser, ArgumentTypeError, Namespace
from pathlib import Path

from standwatch.cli.verbs import Verb
from standwatch.cli.wire import organisation
from standwatch.facts.errors import Malformed

_MOST_WORKERS = 64


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def up(given: Namespace) -> int:
    """Serve the organisation until told to stop."""
    org = organisation(given.org)
    import asyncio

    from standwatch.cli.hook_states import states
    from standwatch.console.app import console, warm
    from standwatch.serve import app

    def ready(running: app.App) -> None:
        running.node.spawn(asyncio.to_thread(warm))
        running.node.here.states = states

    return app.main(org.resolve(), _say, ready, workers=given.workers, pages=console)


def connect(given: Namespace) -> int:
    """Bridge a client that only starts commands. The token comes from the environment: arguments are seen by all."""
    token = os.environ.get("STANDWATCH_TOKEN", "")
    if not token:
        raise Malformed(
            "a token is needed in $STANDWATCH_TOKEN",
            code="no_token",
            cure=f"standwatch agent add NAME --system {given.system}",
        )
    url = given.url or agents_url(organisation(given.org))
    from standwatch.serve import connect as bridge

    return bridge.main(url, given.system, token, Path(given.receipts) if given.receipts else None)


def agents_url(org: Path) -> str:
    """Where agents come in, as the organisation's configuration says."""
    import msgspec

    from standwatch.declare.configuration import declare
    from standwatch.store.folder import read_folder

    listener = declare(read_folder(org)).configuration.organisation.agents
    host = "127.0.0.1" if listener.host in ("0.0.0.0", "") else listener.host  # noqa: S104 - said, not bound
    return msgspec.structs.replace(listener, host=host).url


def demo(given: Namespace) -> int:
    """The example organisation at work; the server goes on in the background."""
    from standwatch.serve import demo as example

    return example.main(Path(given.folder).resolve(), print, sign=given.sign, stop=given.stop)


def _up_arguments(parser: ArgumentParser) -> None:
    parser.add_argument(
        "--workers",
        type=_count,
        default=0,
        metavar="N",
        help=f"processes that serve the agents, at most {_MOST_WORKERS} (default: this one serves them)",
    )


def _count(text: str) -> int:
    if not text.isdecimal() or int(text) > _MOST_WORKERS:
        raise ArgumentTypeError(f"{text!r}, expected a number from 0 to {_MOST_WORKERS}")
    return int(text)


def _connect_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("system", metavar="SYSTEM")
    parser.add_argument(
        "--url", default="", metavar="URL", help="the agents' listener (default: as standwatch.yaml says)"
    )
    parser.add_argument("--receipts", default="", metavar="FILE", help="where receipts are kept")


def _demo_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("--folder", default=".", metavar="DIR", help="the checkout (default: .)")
    parser.add_argument("--sign", action="store_true", help="also approve the payment that waits")
    parser.add_argument("--stop", action="store_true", help="end a demo that still runs")


VERBS = (
    Verb("up", "Serve the organisation until told to stop.", "standwatch --org bank up", _up_arguments, up),
    Verb(
        "connect",
        "Bridge a system's MCP to stdio, for clients that only start a command.",
        "STANDWATCH_TOKEN=sw_… standwatch connect payments-agent",
        _connect_arguments,
        connect,
    ),
    Verb(
        "demo",
        "Start the example organisation and show it at work.",
        "standwatch demo",
        _demo_arguments,
        demo,
    ),
)
