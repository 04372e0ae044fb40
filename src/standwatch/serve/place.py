"""Where an organisation keeps what is not configuration: the store's folder, its keys, its socket."""

import contextlib
import ctypes
import gc
import os
from collections.abc import Mapping
from hashlib import sha256
from pathlib import Path
from typing import Final

import msgspec

from standwatch.facts.configuration import Organisation
from standwatch.facts.errors import Unrecorded
from standwatch.keys import ed25519, kek
from standwatch.keys import log as log_keys
from standwatch.keys.chance import Chance
from standwatch.keys.jose import Signer, signer
from standwatch.keys.log import LogKey
from standwatch.keys.markers import reserve
from standwatch.keys.sources import Sealed, Sources
from standwatch.serve.clock import Clock
from standwatch.store.recorder import Setup
from standwatch.store.sealing import Kek

now: Final = Clock()
"""The clock of this process: µs since 1970, UTC."""


class Place(msgspec.Struct, frozen=True):
    """The folders of one organisation. Nothing is made before `prepare`."""

    organisation: Path
    state: Path

    @property
    def keys(self) -> Path:
        """Beside the database, never in it; a deployment mounts it from elsewhere."""
        return Path(os.environ.get("STANDWATCH_KEYS") or self.state / "keys")

    def head(self, log_key: LogKey) -> Path:
        """Where the last signed head is remembered, out of reach of a restored copy of `state`.

        With the keys where they are mounted from elsewhere; else in the state folder of the account that runs us.
        Named by the log's verification key: a log begun anew, with another origin or key, has a head of its own.
        """
        name = f"head-{sha256(log_key.vkey.encode()).hexdigest()[:32]}"
        mounted = os.environ.get("STANDWATCH_KEYS")
        if mounted:
            return Path(mounted) / name
        return (
            Path(os.environ.get("XDG_STATE_HOME") or Path.home() / ".local/state") / "standwatch/heads" / name
        )

    def credentials(self) -> tuple[Signer, bytes]:
        """What credentials for upstreams are signed with, and the key set that verifies them (RFC 7517).

        The key in the highest `credentials-N.pem` signs; all that are there are published. To change it, put the
        next beside it, start again, and take the old one away once nothing signed with it is good any more.
        """
        found = sorted(self.keys.glob("credentials-*.pem"), key=lambda path: (len(path.name), path.name))
        signers = [signer(ed25519.load(path)) for path in found]
        published = {"keys": [one.published() for one in reversed(signers)]}
        return signers[-1], msgspec.json.encode(published)

    def secrets(self, environment: Mapping[str, str]) -> Sources:
        """What `${…}` in manifests is read from."""
        return Sources(environment, self.organisation, self.sealed)

    @property
    def sealed(self) -> Sealed:
        """Secrets of upstreams, at rest."""
        return Sealed(self.state / "secrets", self.keys)

    @property
    def socket(self) -> Path:
        return self.state / "control.sock"

    def prepare(self, origin: str) -> LogKey:
        """Make what is missing (folders 0700, keys, the reserve for halts) and load the log's key."""
        self.state.mkdir(mode=0o700, parents=True, exist_ok=True)
        self.keys.mkdir(mode=0o700, parents=True, exist_ok=True)
        reserve(self.state)
        if not kek.epochs(self.keys):
            kek.create(self.keys)
        self._origin.write_text(origin + "\n", encoding="utf-8")
        if not any(self.keys.glob("credentials-*.pem")):
            ed25519.save(ed25519.make(), self.keys / "credentials-1.pem", plain=True)
        path = self.keys / "log.pem"
        return log_keys.load(path, origin) if path.exists() else log_keys.create(path, origin)

    @property
    def _origin(self) -> Path:
        return self.state / "origin"

    def known_origin(self) -> str:
        """The origin of the log that was kept here last; "" where none was."""
        return self._origin.read_text(encoding="utf-8").strip() if self._origin.is_file() else ""

    def setup(self, log_key: LogKey, *, settle: bool = True) -> Setup:
        """What the recorder is given. Raises `Unrecorded` where nothing can be remembered outside `state`."""
        epochs = kek.epochs(self.keys)
        keks = tuple(Kek(epoch, kek.load(self.keys, epoch)) for epoch in epochs)
        head = self.head(log_key)
        try:
            head.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        except OSError as error:
            raise Unrecorded(
                f"the last signed head cannot be kept in {head.parent}: {error}",
                cure="STANDWATCH_KEYS=FOLDER standwatch up",
            ) from error
        return Setup(
            folder=self.state,
            key=log_key.key,
            sign=log_key.sign,
            kek=keks[-1],
            older=keks[:-1],
            clock=now,
            entropy=Chance(),
            settle=settle,
            head=head,
        )


def place_of(folder: Path, organisation: Organisation) -> Place:
    """The place of the organisation in `folder`."""
    return Place(folder, (folder / organisation.store).resolve())


def shared_key(place: Place) -> bytes:
    """The key that seals what clients carry for us (`requestState`): one for all workers, new with every KEK."""
    return sha256(b"standwatch/request-state/1\n" + kek.load(place.keys, kek.current(place.keys))).digest()


def keep_to_ourselves() -> None:
    """Linux: no other process of this account may read our memory or environment (prctl(2), PR_SET_DUMPABLE)."""
    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL(None).prctl(_PR_SET_DUMPABLE, 0, 0, 0, 0)


_PR_SET_DUMPABLE: Final = 4


def settle() -> None:
    """What start-up made stays for good: keep the collector from walking it again and again (gc.freeze)."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 20, 50)
