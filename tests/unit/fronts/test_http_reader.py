"""The strict reader: smuggling attempts, bounds, and bytes cut anywhere."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec import structs

from standwatch.fronts.http_message import Limits
from standwatch.fronts.http_reader import BETWEEN, BODY, HEAD, RequestReader

SMALL = Limits(max_head_bytes=600, max_headers=8, max_body_bytes=64, max_pipelined=4)
POST = b"POST /a/b?c=d HTTP/1.1\r\nHost: x\r\n"
UPGRADE = b"Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\n"

Seen = tuple[list[tuple[str, str, str, bytes, bool]], int | None]


def _read(stream: bytes, cuts: tuple[int, ...] = (), limits: Limits = SMALL) -> Seen:
    reader = RequestReader(limits)
    seen: list[tuple[str, str, str, bytes, bool]] = []
    edges = [0, *sorted({cut for cut in cuts if 0 < cut < len(stream)}), len(stream)]
    for begin, end in itertools.pairwise(edges):
        reader.feed(stream[begin:end])
    while reader.done:
        each = reader.done.popleft()
        seen.append((each.method, each.path, each.query, each.body, each.keep_alive))
    return seen, reader.refusal.status if reader.refusal else None


WHOLE = {
    b"GET / HTTP/1.1\r\nHost: x\r\n\r\n": ("GET", "/", "", b"", True),
    POST + b"Content-Length: 3\r\n\r\nabc": ("POST", "/a/b", "c=d", b"abc", True),
    POST + b"Content-Length: 3\r\nConnection: close\r\n\r\nabc": ("POST", "/a/b", "c=d", b"abc", False),
    POST + b"Transfer-Encoding: chunked\r\n\r\n2;x=y\r\nab\r\n1\r\nc\r\n0\r\nT: t\r\n\r\n": (
        "POST", "/a/b", "c=d", b"abc", True,
    ),
    POST + UPGRADE + b"Content-Length: 3\r\n\r\nabc": ("POST", "/a/b", "c=d", b"abc", True),
    b"PUT /u HTTP/1.1\r\nHost: x\r\n" + UPGRADE + b"Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n": (
        "PUT", "/u", "", b"abc", True,
    ),
    b"GET http://X/p?q HTTP/1.1\r\nHost: x\r\n\r\n": ("GET", "/p", "q", b"", True),
    b"GET http://x HTTP/1.1\r\nHost: x\r\n\r\n": ("GET", "/", "", b"", True),
    b"OPTIONS * HTTP/1.1\r\nHost: x\r\n\r\n": ("OPTIONS", "*", "", b"", True),
    b"GET / HTTP/1.0\r\n\r\n": ("GET", "/", "", b"", False),
    b"GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n": ("GET", "/", "", b"", True),
    b"\r\n\r\nDELETE /d HTTP/1.1\r\nHost: x\r\n\r\n": ("DELETE", "/d", "", b"", True),
    b"PURGE / HTTP/1.1\r\nHost: x\r\n\r\n": ("PURGE", "/", "", b"", True),
}  # fmt: skip


@pytest.mark.parametrize(("stream", "request_"), WHOLE.items())
def test_whole_requests(stream: bytes, request_: tuple[str, str, str, bytes, bool]) -> None:
    assert _read(stream) == ([request_], None)


@pytest.mark.parametrize(
    ("path", "size", "status"),
    [
        (b"/v2/m", 100, None),
        (b"/v2/m", 101, 413),
        (b"/v2", 65, 413),
        (b"/x/v2/", 65, 413),
        (b"/x/v2/", 64, None),
    ],
)
def test_some_paths_take_larger_bodies(path: bytes, size: int, status: int | None) -> None:
    limits = structs.replace(SMALL, larger_bodies=((b"/v2/", 100),))
    head, body = b"POST %b HTTP/1.1\r\nHost: x\r\n" % path, b"a" * size
    plain = head + b"Content-Length: %d\r\n\r\n%b" % (size, body)
    chunked = head + b"Transfer-Encoding: chunked\r\n\r\n%x\r\n%b\r\n0\r\n\r\n" % (size, body)
    for stream in (plain, chunked):
        seen, refused = _read(stream, (40, 90), limits)
        assert refused == status
        assert [one[3] for one in seen] == ([] if status else [body])


REFUSED = {
    "TE and CL": (POST + b"Transfer-Encoding: chunked\r\nContent-Length: 4\r\n\r\n0\r\n\r\n", 400),
    "CL and TE": (POST + b"Content-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400),
    "two lengths": (POST + b"Content-Length: 3\r\nContent-Length: 4\r\n\r\nabcd", 400),
    "two equal lengths": (POST + b"Content-Length: 3\r\nContent-Length: 3\r\n\r\nabc", 400),
    "a list of lengths": (POST + b"Content-Length: 3, 3\r\n\r\nabc", 400),
    "a signed length": (POST + b"Content-Length: +3\r\n\r\nabc", 400),
    "a hexadecimal length": (POST + b"Content-Length: 0x3\r\n\r\nabc", 400),
    "an overflowing length": (POST + b"Content-Length: 18446744073709551617\r\n\r\na", 400),
    "TE gzip, chunked": (POST + b"Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n", 501),
    "TE twice": (POST + b"Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400),
    "TE xchunked": (POST + b"Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n", 501),
    "TE in HTTP/1.0": (b"POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400),
    "space before the colon": (POST + b"Content-Length : 3\r\n\r\nabc", 400),
    "obs-fold": (POST + b"X: a\r\n b\r\n\r\n", 400),
    "a folded TE": (POST + b"Transfer-Encoding:\r\n chunked\r\n\r\n0\r\n\r\n", 400),
    "a bare LF": (b"GET / HTTP/1.1\nHost: x\n\n", 400),
    "a bare LF in the head": (POST + b"X: a\nContent-Length: 3\r\n\r\nabc", 400),
    "a bare CR": (POST + b"X: a\rContent-Length: 3\r\n\r\nabc", 400),
    "NUL": (POST + b"X: a\0\r\n\r\n", 400),
    "a nameless header": (POST + b": a\r\n\r\n", 400),
    "a bare LF in a chunk": (POST + b"Transfer-Encoding: chunked\r\n\r\n3\nabc\r\n0\r\n\r\n", 400),
    "a negative chunk": (POST + b"Transfer-Encoding: chunked\r\n\r\n-3\r\nabc\r\n0\r\n\r\n", 400),
    "a huge chunk": (POST + b"Transfer-Encoding: chunked\r\n\r\nfffffffffffffffff\r\nabc", 400),
    "a chunk longer than said": (POST + b"Transfer-Encoding: chunked\r\n\r\n2\r\nabc\r\n0\r\n\r\n", 400),
    "no Host": (b"GET / HTTP/1.1\r\n\r\n", 400),
    "two Hosts": (b"GET / HTTP/1.1\r\nHost: x\r\nHost: y\r\n\r\n", 400),
    "two tokens": (POST + b"Authorization: Bearer a\r\nauthorization: Bearer b\r\n\r\n", 400),
    "two MCP methods": (POST + b"Mcp-Method: a\r\nMCP-METHOD: b\r\n\r\n", 400),
    "a contradicted Host": (b"GET http://y/ HTTP/1.1\r\nHost: x\r\n\r\n", 400),
    "user information": (b"GET http://x@y/ HTTP/1.1\r\nHost: x\r\n\r\n", 400),
    "a fragment": (b"GET /a#b HTTP/1.1\r\nHost: x\r\n\r\n", 400),
    "non-ASCII": (b"GET /\xff HTTP/1.1\r\nHost: x\r\n\r\n", 400),
    "a tunnel": (b"CONNECT x:1 HTTP/1.1\r\nHost: x\r\n\r\n", 405),
    "an unknown method": (b"FOO / HTTP/1.1\r\nHost: x\r\n\r\n", 400),
    "HTTP/2 preface": (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 400),
    "HTTP/2.0": (b"GET / HTTP/2.0\r\nHost: x\r\n\r\n", 505),
    "HTTP/0.9": (b"GET /\r\n\r\n", 505),
    "another expectation": (POST + b"Expect: 200-ok\r\n\r\n", 417),
    "a body too large by its length": (POST + b"Content-Length: 65\r\n\r\n", 413),
    "a body too large by its chunks": (POST + b"Transfer-Encoding: chunked\r\n\r\n41\r\n" + b"a" * 65, 413),
    "a long URL": (b"GET /" + b"a" * 700 + b" HTTP/1.1\r\nHost: x\r\n\r\n", 431),
    "a long header": (POST + b"X: " + b"a" * 700 + b"\r\n\r\n", 431),
    "many headers": (POST + b"".join(b"X%d: a\r\n" % each for each in range(9)) + b"\r\n", 431),
    "a repeated header": (POST + b"X: aaaaaaaaaaaaa\r\n" * 60, 431),
    "endless trailers": (POST + b"Transfer-Encoding: chunked\r\n\r\n0\r\n" + b"T: t\r\n" * 120, 431),
    "TLS": (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", 400),
}  # fmt: skip


# What has no end is bounded by the bytes read while it brings nothing: exact to one read, so only small reads are
# tried here.
ENDLESS = {
    "an endless URL": (b"GET /" + b"a" * 700, 431),
    "an endless header": (POST + b"X: " + b"a" * 700, 431),
    "blank lines": (b"\r\n" * 400, 431),
    "an endless chunk extension": (POST + b"Transfer-Encoding: chunked\r\n\r\n1;" + b"a" * 700, 431),
}  # fmt: skip


@pytest.mark.parametrize(("stream", "status"), ENDLESS.values(), ids=ENDLESS)
@pytest.mark.parametrize("step", [1, 64])
def test_what_never_ends_is_refused(stream: bytes, status: int, step: int) -> None:
    assert _read(stream, tuple(range(0, len(stream), step))) == ([], status)


@pytest.mark.parametrize(("stream", "status"), REFUSED.values(), ids=REFUSED)
@pytest.mark.parametrize("step", [1, 5, 100000])
def test_refused_and_nothing_behind_it_is_read(stream: bytes, status: int, step: int) -> None:
    smuggled = stream + b"\r\n\r\nGET /smuggled HTTP/1.1\r\nHost: x\r\n\r\n"
    seen, refused = _read(smuggled, tuple(range(0, len(smuggled), step)))
    assert (seen, refused) == ([], status)


@settings(max_examples=300, deadline=None)
@given(
    st.lists(st.sampled_from([*WHOLE, *(stream for stream, _ in REFUSED.values())]), min_size=1, max_size=3),
    st.lists(st.integers(0, 1500), max_size=25),
)
def test_cutting_the_bytes_anywhere_changes_nothing(parts: list[bytes], cuts: list[int]) -> None:
    stream = b"".join(parts)
    seen, refused = _read(stream, tuple(cuts))
    whole, status = _read(stream)
    assert seen == whole
    # Which fault of several is met first may depend on the cuts; that one is may not.
    assert (refused is None) == (status is None)


@settings(max_examples=300, deadline=None)
@given(st.binary(max_size=200), st.integers(1, 200))
def test_hostile_bytes_never_raise_and_never_become_more_than_they_are(noise: bytes, step: int) -> None:
    seen, _ = _read(noise, tuple(range(0, len(noise), step)))
    assert sum(len(body) for *_, body, _ in seen) <= len(noise)


def test_a_pipeline_is_read_in_order_and_has_a_depth() -> None:
    one = b"GET /%d HTTP/1.1\r\nHost: x\r\n\r\n"
    seen, refused = _read(b"".join(one % each for each in range(4)))
    assert ([path for _, path, *_ in seen], refused) == (["/0", "/1", "/2", "/3"], None)
    seen, refused = _read(b"".join(one % each for each in range(5)))
    assert (len(seen), refused) == (4, 400)


def test_a_flood_of_upgrades_is_read_without_recursion() -> None:
    deep = Limits(max_pipelined=100_000)
    seen, refused = _read((POST + UPGRADE + b"Content-Length: 1\r\n\r\na") * 3000, limits=deep)
    assert (len(seen), refused) == (3000, None)


def test_repeated_list_headers_are_joined_and_names_are_lower_case() -> None:
    reader = RequestReader(SMALL)
    reader.feed(b"GET / HTTP/1.1\r\nHOST: x\r\nAccept: a\r\nACCEPT: b\r\nX-Empty:\r\n\r\n")
    (request,) = reader.done
    assert request.headers == {b"host": b"x", b"accept": b"a, b", b"x-empty": b""}
    assert (request.header("accept"), request.header("absent")) == ("a, b", None)


def test_phases_and_the_owed_continue() -> None:
    reader = RequestReader(SMALL)
    phases = [reader.phase]
    for piece in (
        b"PO",
        b"ST / HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n",
        b"a",
        b"b",
    ):
        reader.feed(piece)
        phases.append(reader.phase)
        if reader.phase == BODY and len(phases) == 3:
            assert reader.owes_continue
    assert phases == [BETWEEN, HEAD, BODY, BODY, BETWEEN]
    assert not reader.owes_continue
