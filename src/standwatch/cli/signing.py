"""A person at the keyboard: their key, their passphrase, their yes."""

from __future__ import annotations

import getpass
import os
import sys
from argparse import ArgumentParser, Namespace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from standwatch.cli.show import visible
from standwatch.cli.wire import Server
from standwatch.facts.errors import Forbidden, Malformed, NotFound

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey


def arguments(parser: ArgumentParser) -> None:
    """The options of every verb that signs."""
    parser.add_argument(
        "--key",
        default="",
        metavar="FILE",
        help="your key (default: $STANDWATCH_KEY or ~/.config/standwatch/key.pem)",
    )
    parser.add_argument(
        "--by", default="", metavar="PERSON", help="who you are, by id or address (default: whose key it is)"
    )
    parser.add_argument("--yes", action="store_true", help="do not ask for confirmation")


def default_key() -> Path:
    """Where `key new` puts a key, and where the others look."""
    home = os.environ.get("XDG_CONFIG_HOME") or str(Path.home() / ".config")
    return Path(os.environ.get("STANDWATCH_KEY") or Path(home) / "standwatch" / "key.pem")


def load_key(given: Namespace) -> Ed25519PrivateKey:
    """The person's key; asks for its passphrase where it has one."""
    from standwatch.keys import ed25519

    path = Path(given.key) if given.key else default_key()
    try:
        return ed25519.load(path)
    except Forbidden as error:
        if error.code != "no_passphrase":
            raise
    except NotFound:
        raise NotFound(f"there is no key at {path}", code="no_key", cure="standwatch key new") from None
    return ed25519.load(path, passphrase=passphrase(f"passphrase of {path}: "))


def passphrase(prompt: str) -> str:
    """From `$STANDWATCH_PASSPHRASE_FILE`, else from the terminal. Raises `Forbidden` where there is neither."""
    file = os.environ.get("STANDWATCH_PASSPHRASE_FILE")
    if file:
        try:
            return Path(file).read_text(encoding="utf-8").rstrip("\r\n")
        except (OSError, ValueError) as error:
            raise Forbidden(
                f"the passphrase cannot be read from {file}: {error}", code="no_passphrase"
            ) from None
    if not sys.stdin.isatty():
        raise Forbidden(
            "the key is under a passphrase and there is nobody to ask",
            code="no_passphrase",
            cure="export STANDWATCH_PASSPHRASE_FILE=FILE",
        )
    return getpass.getpass(prompt)


def whose(server: Server, public: str, by: str = "") -> dict[str, Any]:
    """The person of the organisation whose key `public` is, who must be `by` where that is said. Raises `Forbidden`."""
    for person in server.get("/people"):
        if public in person["keys"]:
            if by and by.lower() not in (person["id"], person["address"].lower()):
                raise Forbidden(f"that key is {person['id']}'s, not {by}'s", code="unknown_key")
            return person
    raise Forbidden(
        f"{public} is nobody's key in this organisation",
        code="unknown_key",
        cure="add it to your entry in standwatch.yaml, then standwatch sign-config",
    )


def confirm(given: Namespace, question: str) -> None:
    """Go on only after a typed `yes` on a terminal, or `--yes`. Raises `Malformed` where nobody can be asked."""
    if given.yes:
        return
    if not sys.stdin.isatty():
        raise Malformed(
            "nobody can be asked here", code="unconfirmed", cure="add --yes once you have read it"
        )
    print(f"{visible(question)} Type yes: ", end="", file=sys.stderr, flush=True)
    if sys.stdin.readline().strip().lower() != "yes":
        raise Forbidden("not confirmed: nothing was signed", code="unconfirmed")
