"""Host and Origin: a page that rebinds a name onto a local listener gets nothing."""

from __future__ import annotations

import pytest

from standwatch.fronts.http import LOOPBACK_HOSTS, LOOPBACK_ORIGINS, WRONG_HOST, WRONG_ORIGIN, check_origin

HOSTS = LOOPBACK_HOSTS | {"gate.bank.example", "gate.bank.example:8443"}
ORIGINS = LOOPBACK_ORIGINS | {"https://console.bank.example"}


@pytest.mark.parametrize(
    "host",
    [
        "localhost",
        "localhost:1",
        "LOCALHOST:8080",
        "127.0.0.1:65535",
        "[::1]:80",
        "[::1]",
        "gate.bank.example:8443",
    ],
)
def test_our_own_names_pass_without_an_origin(host: str) -> None:
    assert check_origin(host, None, HOSTS, ORIGINS) is None


@pytest.mark.parametrize(
    "host",
    [
        None, "", "evil.example", "localhost.evil.example", "evil.example:80", "localhost:", "localhost:x",
        "localhost:80:80",
        "localhost@evil.example", "127.0.0.1.evil.example", "127.0.0.2", "0.0.0.0", "::1", "localhost.", "local host",
        "localhost:999999", "gate.bank.example:1", "localhost,evil.example", "localhost:*", "*",
    ],
)  # fmt: skip
def test_any_other_name_is_refused(host: str | None) -> None:
    assert check_origin(host, None, HOSTS, ORIGINS) == WRONG_HOST


@pytest.mark.parametrize(
    "origin",
    [
        "http://localhost",
        "http://localhost:3000",
        "https://127.0.0.1:1",
        "http://[::1]:5",
        "https://console.bank.example",
    ],
)
def test_our_own_origins_pass(origin: str) -> None:
    assert check_origin("localhost:1", origin, HOSTS, ORIGINS) is None


@pytest.mark.parametrize(
    "origin",
    [
        "", "null", "http://evil.example", "http://localhost.evil.example", "http://console.bank.example", "ftp://localhost",
        "https://console.bank.example:8443", "http://localhost/", "http://localhost@evil.example", "localhost",
        "http://localhost:3000, http://evil.example", "http://localhost:*",
    ],
)  # fmt: skip
def test_any_other_origin_is_refused(origin: str) -> None:
    assert check_origin("localhost:1", origin, HOSTS, ORIGINS) == WRONG_ORIGIN


def test_a_listener_with_nothing_allowed_refuses_everybody() -> None:
    assert check_origin("localhost", None, (), ()) == WRONG_HOST
