"""Sealed parts (RECORD.md): what may have to be erased, encrypted beside the leaf under its subjects' keys.

KEK of an epoch, outside the database → AES-KW (RFC 3394) → key of a data subject → run key → AES-256-GCM for
each part. A run key about several subjects is wrapped under a key derived from all of theirs, so without any one
of them it is lost. A part about nobody is sealed under the key of the subject "", the organisation itself.

A sealed part is `format (1) ‖ run key's id (8) ‖ nonce (12) ‖ AES-GCM(salt ‖ data)`; its associated data are the
part's name, a zero byte, and the id of its action, run or entry. Format 1 has a salt of 32 bytes, format 0 none.
"""

import hashlib
import json
from collections.abc import Callable
from typing import Final

import msgspec
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.keywrap import InvalidUnwrap, aes_key_unwrap, aes_key_wrap
from msgspec import Struct

from standwatch.facts.errors import Conflict, Malformed, Misconfigured, NotFound, Tampered
from standwatch.facts.frames import RowPart
from standwatch.facts.parts import SALT_BYTES, Part, PartName
from standwatch.store.journal import Journal

Entropy = Callable[[int], bytes]
"""Answers that many random bytes."""

NOBODY: Final = ""
KEY_BYTES: Final = 32
KEPT: Final = 1_024
"""Run keys kept unwrapped."""

WHOLE: Final = -1
"""Row of a sealed batch about nobody."""
HASHES: Final = -2
"""Row of the plain leaf hashes of a batch."""

_HEADER: Final = 9
_NONCE: Final = 12
_TAG: Final = 16
_COUNTING: Final = "counting"
"""What the counting key is called, in a table that no subject's name reaches."""
LAST_KEY: Final = 2**63 - 1
"""The highest number that a run key can have in SQLite."""
_subjects: Final = msgspec.json.Decoder(list[str])
_JOINT: Final = b"standwatch/subjects/1\n"

ORDINALS: Final[dict[PartName, int]] = {
    "action": 0,
    "findings": 1,
    "result": 2,
    "reason": 3,
    "task": 4,
    "manifest": 5,
    "context": 6,
    "row": 7,
    "flag": 8,
    "body": 9,
}
"""A part's place in its entry's 16 slots. Never renumbered: slots are written down."""


class Kek(Struct, frozen=True):
    """The key-encryption key of an epoch: 32 bytes that live outside the database."""

    epoch: int
    key: bytes

    def __post_init__(self) -> None:
        if len(self.key) != KEY_BYTES:
            raise Malformed(f"a key-encryption key has {KEY_BYTES} bytes")


def slot_of(index: int, name: PartName) -> int:
    """Where part `name` of entry `index` stands in its day's table."""
    return index << 4 | ORDINALS[name]


class Keys:
    """Unwraps what the journal holds. `older` are the KEKs of epochs whose keys were not yet wrapped anew."""

    def __init__(self, journal: Journal, kek: Kek, older: tuple[Kek, ...] = ()) -> None:
        self._journal = journal
        self._kek = kek
        self._keks = {each.epoch: each.key for each in (*older, kek)}

    def open(self, blob: bytes, name: PartName, ident: str) -> Part | None:
        """The part in `blob`; None where one of its keys was erased. Raises `Tampered` for bytes changed since."""
        if len(blob) < _HEADER + _NONCE + _TAG or blob[0] > 1:
            raise Tampered(f"part {name} of {ident} is not a sealed part", reference=ident)
        key = self._run_key(int.from_bytes(blob[1:_HEADER], "big"))
        if key is None:
            return None
        nonce, sealed = blob[_HEADER : _HEADER + _NONCE], blob[_HEADER + _NONCE :]
        try:
            plain = AESGCM(key).decrypt(nonce, sealed, _about(name, ident))
        except InvalidTag:
            raise Tampered(f"part {name} of {ident} was changed", reference=ident) from None
        salt = SALT_BYTES if blob[0] else 0
        return Part(name, plain[:salt], plain[salt:])

    def open_row(self, blob: bytes, row: int, ident: str) -> Part | None:
        """As `open`, for row `row` of action `ident`."""
        return self.open(blob, "row", _row_of(ident, row))

    def _run_key(self, number: int) -> bytes | None:
        if number > LAST_KEY:
            raise Tampered(f"there is no run key {number}")
        try:
            rows = self._journal.rows("run_key", number)
            if not rows:
                return None
            subjects, wrapped = rows[0]
            joint = self._joint(tuple(_subjects.decode(subjects)))
        except (ValueError, msgspec.MsgspecError, RecursionError):
            raise Tampered(f"run key {number} is about nobody that can be") from None
        return None if joint is None else _unwrap(joint, wrapped, f"run key {number}")

    def _joint(self, subjects: tuple[str, ...]) -> bytes | None:
        found = [self._subject_key(subject) for subject in subjects]
        return None if None in found else _join([key for key in found if key is not None])

    def _subject_key(self, subject: str) -> bytes | None:
        return self._wrapped("subject_key", subject)

    def _wrapped(self, table: str, name: str) -> bytes | None:
        """The key called `name` in `table`, where there is one."""
        rows = self._journal.rows(table, name)
        if not rows:
            return None
        epoch, wrapped = rows[0]
        kek = self._keks.get(epoch)
        if kek is None:
            raise Misconfigured((f"the key-encryption key of epoch {epoch} is not here",), cure="")
        return _unwrap(kek, wrapped, "the key of a subject")


class Sealer(Keys):
    """Seals parts inside the writer's transaction, making the keys that are missing."""

    def __init__(self, journal: Journal, kek: Kek, entropy: Entropy, older: tuple[Kek, ...] = ()) -> None:
        super().__init__(journal, kek, older)
        self._entropy = entropy
        self._ready: dict[tuple[str, tuple[str, ...]], tuple[bytes, AESGCM]] = {}

    def secret(self) -> bytes:
        """A key for what is counted and not sealed: wrapped under the KEK like a subject's, and anew with those."""
        known = self._wrapped("own_key", _COUNTING)
        if known is None:
            # An earlier version kept it among those of subjects, where one who was called so could be erased.
            known = self._subject_key(f"\0{_COUNTING}") or self._entropy(KEY_BYTES)
            self._keep("own_key", _COUNTING, known)
        return known

    def forget(self) -> None:
        """Drop every unwrapped key: after a failed commit, or an erasure."""
        self._ready.clear()

    def seal(self, part: Part, ident: str, run: str, subjects: tuple[str, ...]) -> bytes:
        """The sealed bytes of `part`. Raises `Malformed` for a salt that is neither 32 bytes nor absent."""
        try:
            ready = self._ready[run, subjects]
        except KeyError:
            ready = self._prepare(run, subjects)
        salt, data = part.salt, part.data
        if len(salt) != SALT_BYTES:
            if salt:
                raise Malformed(f"a part's salt has {SALT_BYTES} bytes")
            kind = b"\x00"
        else:
            kind, data = b"\x01", salt + data
        nonce = self._entropy(_NONCE)
        return kind + ready[0] + nonce + ready[1].encrypt(nonce, data, _about(part.name, ident))

    def seal_row(self, row: RowPart, ident: str, run: str) -> bytes:
        """The sealed bytes of a row, under the keys of its own subjects. Raises as `seal`."""
        if len(row.salt) != SALT_BYTES:
            raise Malformed(f"a row's salt has {SALT_BYTES} bytes")
        return self.seal(Part("row", row.salt, row.data), _row_of(ident, row.row), run, row.subjects)

    def _prepare(self, run: str, subjects: tuple[str, ...]) -> tuple[bytes, AESGCM]:
        """The run key about these subjects, unwrapped or new, into the cache."""
        about = tuple(sorted(set(subjects))) or (NOBODY,)
        joint = _join([self._subject_key(subject) or self._make_subject(subject) for subject in about])
        spelled = json.dumps(about)
        rows = self._journal.rows("run_key_of", run, spelled)
        if rows:
            number, wrapped = rows[-1]
            key = _unwrap(joint, wrapped, f"run key {number}")
        else:
            key = self._entropy(KEY_BYTES)
            number = self._journal.get("insert_run_key", run, spelled, aes_key_wrap(joint, key))
            self._journal.many("insert_run_key_about", [(each, number) for each in about if each != NOBODY])
        if len(self._ready) >= KEPT:
            self._ready.pop(next(iter(self._ready)))
        ready = (int(number).to_bytes(8, "big"), AESGCM(key))
        self._ready[run, subjects] = ready
        return ready

    def _make_subject(self, subject: str) -> bytes:
        if "\0" in subject:
            raise Malformed("a data subject's name holds no NUL")
        key = self._entropy(KEY_BYTES)
        self._keep("subject_key", subject, key)
        return key

    def _keep(self, table: str, name: str, key: bytes) -> None:
        self._journal.run(f"set_{table}", name, self._kek.epoch, aes_key_wrap(self._kek.key, key))

    def erase(self, subject: str) -> None:
        """Delete the key of `subject`, and with it every part about them, from the database and its log.

        Deleting alone leaves the bytes in free pages, or in the write-ahead log: `secure_delete` clears the one,
        `wal_checkpoint(TRUNCATE)` the other. Backups die when the KEK is rotated (`rewrap`) and the old one
        destroyed. Raises `NotFound` where there is no such key, `Conflict` where a reader kept the log from being
        emptied: then the key is gone from the table but its bytes are not, and `erase` must be called again.
        """
        if subject == NOBODY:
            raise NotFound("the organisation's own parts are let go of by retention, not by erasure")
        known = self._journal.get("subject_key", subject) is not None
        self.forget()
        _transact(self._journal, lambda: self._delete(subject))
        if not self._journal.empty_log():
            raise Conflict("the key is deleted, but a reader keeps the write-ahead log: erase again")
        if not known:
            raise NotFound("there is no key of this subject (any more)")

    def _delete(self, subject: str) -> None:
        self._journal.run("delete_subject_key", subject)
        self._journal.run("delete_run_keys", subject)
        self._journal.run("delete_run_keys_about", subject)

    def rewrap(self, kek: Kek) -> int:
        """Wrap every subject's key under the KEK of a new epoch; how many there were. Afterwards the old may die."""
        rows, own = self._journal.rows("subject_keys"), self._journal.rows("own_keys")

        def act() -> None:
            self._journal.many("set_subject_key", self._rewrapped(rows, kek))
            self._journal.many("set_own_key", self._rewrapped(own, kek))

        _transact(self._journal, act)
        self._keks[kek.epoch] = kek.key
        self._kek = kek
        self._journal.empty_log()
        return len(rows)

    def _rewrapped(self, rows: list[tuple[str, int, bytes]], kek: Kek) -> list[tuple[str, int, bytes]]:
        return [
            (
                subject,
                kek.epoch,
                aes_key_wrap(kek.key, _unwrap(self._keks[epoch], wrapped, "a subject's key")),
            )
            for subject, epoch, wrapped in rows
        ]


def _transact(journal: Journal, act: Callable[[], None]) -> None:
    journal.begin()
    try:
        act()
        journal.commit()
    except BaseException:
        journal.rollback()
        raise


def _row_of(ident: str, row: int) -> str:
    return f"{ident}/{row}"


def _about(name: PartName, ident: str) -> bytes:
    return f"{name}\0{ident}".encode()


def _join(keys: list[bytes]) -> bytes:
    """One key from those of several subjects: without any of them it cannot be made."""
    return keys[0] if len(keys) == 1 else hashlib.sha256(_JOINT + b"".join(keys)).digest()


def _unwrap(kek: bytes, wrapped: bytes, what: str) -> bytes:
    try:
        return aes_key_unwrap(kek, wrapped)
    except InvalidUnwrap:
        raise Tampered(f"{what} does not unwrap: it was changed, or the key above it is another") from None
