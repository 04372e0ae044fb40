"""Frames on a stream: each is its length as big-endian uint32, then MessagePack. Both ends are ours."""

from typing import Final, Generic, TypeVar

import msgspec

from standwatch.facts.errors import Malformed
from standwatch.facts.frames import FromRecorder, ToRecorder

MAX_FRAME: Final = 64 << 20
"""Bytes: more is a mistake, and ends the connection."""

_LENGTH: Final = 4


class Hello(msgspec.Struct, frozen=True, tag=True):
    """A worker's first frame: its name, which it keeps while it lives, and the actions it is carrying out."""

    worker: str
    open: tuple[str, ...] = ()


class Welcome(msgspec.Struct, frozen=True, tag=True):
    """The recorder's first frame: the state (`record.state.save`), from which everything told continues."""

    state: bytes


class Unreadable(msgspec.Struct, frozen=True):
    """An `Append` that is whole but says what no entry can say: its number, and what is wrong. Never sent."""

    number: int
    why: str


FromWorker = Hello | ToRecorder
ToWorker = Welcome | FromRecorder

from_worker: Final = msgspec.msgpack.Decoder(FromWorker)
to_worker: Final = msgspec.msgpack.Decoder(ToWorker)
_encoder: Final = msgspec.msgpack.Encoder()

F = TypeVar("F")


def encode_frame(frame: FromWorker | ToWorker) -> bytes:
    """A frame on the wire. Raises `Malformed` for one that is too long."""
    body = _encoder.encode(frame)
    if len(body) > MAX_FRAME:
        raise Malformed(f"a frame of {len(body)} bytes; at most {MAX_FRAME} are sent")
    return len(body).to_bytes(_LENGTH, "big") + body


class Frames(Generic[F]):
    """Cuts what is received into frames."""

    def __init__(self, decoder: "msgspec.msgpack.Decoder[F]") -> None:
        self._decode = decoder.decode
        self._kept = b""

    def feed(self, data: bytes) -> list[F | Unreadable]:
        """The frames that are whole now. Raises `Malformed`; after that the stream means nothing."""
        data = self._kept + data if self._kept else data
        found: list[F | Unreadable] = []
        at, end = 0, len(data)
        view = memoryview(data)
        while end - at >= _LENGTH:
            stop = at + _LENGTH + int.from_bytes(view[at : at + _LENGTH], "big")
            if stop - at - _LENGTH > MAX_FRAME:
                raise Malformed("a frame is longer than any that is sent")
            if stop > end:
                break
            found.append(self._read(view[at + _LENGTH : stop]))
            at = stop
        self._kept = data[at:]
        return found

    def _read(self, body: memoryview) -> F | Unreadable:
        try:
            return self._decode(body)
        except msgspec.ValidationError as error:
            return _refusable(body, str(error))
        except (msgspec.DecodeError, RecursionError) as error:
            raise Malformed(f"not a frame: {error}") from None


def _refusable(body: memoryview, why: str) -> Unreadable:
    """Who sends one wrong entry hears of it; its other acts are not cut off."""
    try:
        return Unreadable(_numbered.decode(body).number, why)
    except (msgspec.DecodeError, RecursionError):
        raise Malformed(f"not a frame: {why}") from None


class _Numbered(msgspec.Struct, tag="Append"):
    number: int


_numbered: Final = msgspec.msgpack.Decoder(_Numbered)
