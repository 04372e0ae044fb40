"""`key new`: a person's signing key."""

from __future__ import annotations

import getpass
import os
import sys
from argparse import ArgumentParser, Namespace
from pathlib import Path

from standwatch.cli import signing
from standwatch.cli.show import out, say
from standwatch.cli.verbs import DONE, Verb, common
from standwatch.facts.errors import Forbidden


def _arguments(parser: ArgumentParser) -> None:
    acts = parser.add_subparsers(dest="act", required=True, metavar="new")
    made = acts.add_parser("new", help="make an Ed25519 key, under a passphrase", parents=[common()])
    made.add_argument(
        "--out", default="", metavar="FILE", help="where (default: ~/.config/standwatch/key.pem)"
    )
    made.add_argument(
        "--plain", action="store_true", help="no passphrase: whoever reads the file signs as you"
    )


def key(given: Namespace) -> int:
    """Make a key and say its public half."""
    from standwatch.keys import ed25519

    path = Path(given.out) if given.out else signing.default_key()
    secret = "" if given.plain else _new_passphrase()
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    made = ed25519.make()
    ed25519.save(made, path, passphrase=secret, plain=given.plain)
    public = ed25519.public(made)
    path.with_suffix(".pub").write_text(public + "\n", encoding="ascii")
    if given.json:
        out({"file": str(path), "public": public})
    else:
        say(public, f"  its private half is in {path}; put the line above under your keys in standwatch.yaml")
    return DONE


def _new_passphrase() -> str:
    if os.environ.get("STANDWATCH_PASSPHRASE_FILE") or not sys.stdin.isatty():
        return signing.passphrase("")
    first = getpass.getpass("new passphrase: ")
    if first != getpass.getpass("again: "):
        raise Forbidden("the two differ: no key was made", code="no_passphrase")
    return first


VERBS = (Verb("key", "Make a signing key of your own.", "standwatch key new", _arguments, key),)
