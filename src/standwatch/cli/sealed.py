"""`secret set|list|remove`: secrets of upstreams, at rest under the key-encryption key of this host."""

from __future__ import annotations

import getpass
import sys
from argparse import ArgumentParser, Namespace
from pathlib import Path

from standwatch.cli.show import out, say
from standwatch.cli.verbs import DONE, Verb, common
from standwatch.facts.errors import Malformed


def _arguments(parser: ArgumentParser) -> None:
    acts = parser.add_subparsers(dest="act", required=True, metavar="set|list|remove")
    put = acts.add_parser(
        "set", help="keep a secret; it is read from the terminal or standard input", parents=[common()]
    )
    put.add_argument("name", metavar="NAME", help="what manifests call it: ${sealed:NAME}")
    acts.add_parser("list", help="the names of those that are kept", parents=[common()])
    removed = acts.add_parser("remove", help="forget one", parents=[common()])
    removed.add_argument("name", metavar="NAME")


def secret(given: Namespace) -> int:
    """Works on the state folder, as the account that runs the server; whether it runs does not matter."""
    from standwatch.declare.configuration import declare
    from standwatch.serve.place import place_of
    from standwatch.store.folder import read_folder

    folder = Path(given.org)
    organisation = declare(read_folder(folder)).configuration.organisation
    place = place_of(folder, organisation)
    match given.act:
        case "set":
            place.prepare(organisation.origin)
            place.sealed.put(given.name, _read())
            told = f"{given.name} is kept; a server that runs reads it when it next starts what uses it"
        case "remove":
            place.sealed.remove(given.name)
            told = f"{given.name} is forgotten"
        case _:
            names = place.sealed.names()
            out({"secrets": names}) if given.json else say(*names)
            return DONE
    out({"secret": given.name}) if given.json else say(told)
    return DONE


def _read() -> str:
    """One secret: typed without echo, or piped in; one line end at its end is not part of it."""
    if sys.stdin.isatty():
        return getpass.getpass("secret: ")
    data = sys.stdin.buffer.read()
    try:
        return data.decode().removesuffix("\n").removesuffix("\r")
    except UnicodeDecodeError:
        raise Malformed("the secret is not text") from None


VERBS = (
    Verb(
        "secret",
        "Keep secrets of upstreams, sealed.",
        "standwatch secret set bank < token.txt",
        _arguments,
        secret,
    ),
)
