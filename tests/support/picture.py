"""What a screenshot shows, roughly: how bright its ground is, and how much stands on it. PNG (RFC 2083), 8 bits."""

import zlib
from base64 import b64decode
from statistics import median

import msgspec

from support.chromium import Page

SCALE = 0.2


class Picture(msgspec.Struct, frozen=True):
    """`ground`: the median brightness, 0 black to 255 white; `ink`: the share of pixels that are far from it."""

    ground: float
    ink: float


def picture(chrome: Page, width: int, height: int) -> Picture:
    """What is seen of the page, made small: so that text is a shade, and not a matter of its font."""
    clip = {"x": 0, "y": 0, "width": width, "height": height, "scale": SCALE}
    shot = chrome("Page.captureScreenshot", format="png", clip=clip)
    lights = [(299 * r + 587 * g + 114 * b) / 1000 for r, g, b in _pixels(b64decode(shot["data"]))]
    ground = median(lights)
    return Picture(ground, sum(abs(one - ground) > 24 for one in lights) / len(lights))


def _pixels(png: bytes) -> list[tuple[int, int, int]]:
    assert png[:8] == b"\x89PNG\r\n\x1a\n"
    place, data, head = 8, b"", b""
    while place < len(png):
        size, kind = int.from_bytes(png[place : place + 4]), png[place + 4 : place + 8]
        body = png[place + 8 : place + 8 + size]
        head, data = (body if kind == b"IHDR" else head), data + (body if kind == b"IDAT" else b"")
        place += size + 12
    width, step = int.from_bytes(head[:4]), {2: 3, 6: 4}[head[9]]
    assert head[8] == 8
    raw, before, found = zlib.decompress(data), bytearray(width * step), list[tuple[int, int, int]]()
    for start in range(0, len(raw), width * step + 1):
        line = _line(raw[start], bytearray(raw[start + 1 : start + 1 + width * step]), before, step)
        found += [(line[at], line[at + 1], line[at + 2]) for at in range(0, len(line), step)]
        before = line
    return found


def _line(kind: int, line: bytearray, above: bytearray, step: int) -> bytearray:
    """A line without its filter (RFC 2083, 6)."""
    for at in range(len(line)):
        left = line[at - step] if at >= step else 0
        up, corner = above[at], above[at - step] if at >= step else 0
        match kind:
            case 1:
                add = left
            case 2:
                add = up
            case 3:
                add = (left + up) // 2
            case 4:
                guess = left + up - corner
                add = min((left, up, corner), key=lambda one: abs(guess - one))
            case _:
                add = 0
        line[at] = (line[at] + add) & 255
    return line
