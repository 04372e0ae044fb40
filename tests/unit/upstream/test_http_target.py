"""URLs and request heads: what cannot be sent safely is not sent at all."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from standwatch.upstream.http_errors import Unsendable
from standwatch.upstream.http_target import Origin, Target, encode_request, parse_url

TARGET = Target(Origin(False, "h", 80), "h", "/p")


@pytest.mark.parametrize(
    ("url", "target"),
    [
        ("http://h", Target(Origin(False, "h", 80), "h", "/")),
        ("https://H.example/a/b?c=d#e", Target(Origin(True, "h.example", 443), "h.example", "/a/b?c=d")),
        ("http://h:80/", Target(Origin(False, "h", 80), "h", "/")),
        ("https://h:80/", Target(Origin(True, "h", 80), "h:80", "/")),
        ("http://[::1]:8080/?q", Target(Origin(False, "::1", 8080), "[::1]:8080", "/?q")),
        ("http://127.0.0.1:9/%2e", Target(Origin(False, "127.0.0.1", 9), "127.0.0.1:9", "/%2e")),
        ("HTTP://h?q", Target(Origin(False, "h", 80), "h", "/?q")),
    ],
)
def test_urls(url: str, target: Target) -> None:
    assert parse_url(url) == target


@pytest.mark.parametrize(
    "url",
    [
        "", "h", "/p", "ftp://h/", "file:///etc/passwd", "http://", "http:///p", "http://u@h/", "http://u:p@h/", "http://h:x/",
        "http://h:99999/", "http://h /", "http://h/a b", "http://h/\r\nX: y", "http://h/\ta", "http://h\n/", "http://hé/",
        "http://h/é", "http://[::1/", "http://a,b/", "http://h/\0",
    ],
)  # fmt: skip
def test_urls_that_are_refused(url: str) -> None:
    with pytest.raises(Unsendable):
        parse_url(url)


@pytest.mark.parametrize(
    "header",
    [
        ("a", "b\r\nc: d"), ("a", "b\n"), ("a\r\nb", "c"), ("a:", "b"), ("a b", "c"), ("", "b"), ("a", "\0"),
        ("a", "—"),
        ("Host", "evil"), ("content-length", "0"), ("Transfer-Encoding", "chunked"), ("CONNECTION", "close"),
        ("Accept-Encoding", "gzip"), ("Upgrade", "h2c"), ("Expect", "100-continue"),
    ],
)  # fmt: skip
def test_headers_that_are_refused(header: tuple[str, str]) -> None:
    with pytest.raises(Unsendable):
        encode_request("GET", TARGET, (header,), b"")


@pytest.mark.parametrize("method", ["", "get", "GET ", "GET / HTTP/1.1\r\nX:", "CONNECT", "TRACE"])
def test_methods_that_are_refused(method: str) -> None:
    with pytest.raises(Unsendable):
        encode_request(method, TARGET, (), b"")


def test_a_length_wherever_a_body_may_be() -> None:
    assert b"content-length: 0\r\n" in encode_request("POST", TARGET, (), b"")
    assert b"content-length" not in encode_request("GET", TARGET, (), b"")
    assert encode_request("GET", TARGET, (), b"x").endswith(b"content-length: 1\r\n\r\nx")


@given(st.text(max_size=30), st.text(max_size=30), st.binary(max_size=10))
def test_whatever_is_encoded_has_one_head_of_known_lines(name: str, value: str, body: bytes) -> None:
    try:
        sent = encode_request("POST", TARGET, ((name, value),), body)
    except Unsendable:
        return
    head, _, rest = sent.partition(b"\r\n\r\n")
    assert head.count(b"\r\n") == head.count(b"\n") == head.count(b"\r") == 4
    assert rest == body
