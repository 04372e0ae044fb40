"""Addresses of the network, paths and recipients."""

import pytest

from standwatch.enforce.idioms import addresses, paths, urls


@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.1/", "http://127.1/", "http://0x7f000001/", "http://017700000001/", "http://[::1]/",
        "http://[::ffff:10.0.0.1]/", "http://LOCALHOST:80", "http://db.internal/", "http://wiki/", "file:///etc/passwd",
        "http://169.254.169.254/", "http://user@10.1.2.3/", "http:\\\\192.168.1.1\\", "http://ｌｏｃａｌｈｏｓｔ/",
        "view-source:http://127.0.0.1/", "http://api.svc.cluster.local/", "javascript:alert(1)", "http://127.0.0.1./",
    ],
)  # fmt: skip
def test_an_address_inside(url: str) -> None:
    assert urls.inside(url)


@pytest.mark.parametrize(
    "url", ["https://example.com/a?b=c", "http://93.184.216.34/", "https://10x.example.org/", "about:blank"]
)
def test_an_address_out_in_the_world(url: str) -> None:
    assert urls.inside(url) == ""


def test_where_something_may_be_sent() -> None:
    hosts = ("example.com", "*.example.com")
    assert urls.among("https://api.example.com/x", hosts)
    for away in ("http://api.example.com/", "https://example.com.evil.net/", "https://example.com@evil.net/"):
        assert not urls.among(away, hosts)


@pytest.mark.parametrize(
    "path", ["~/.ssh/id_rsa", "/proc/1/environ", "C:\\Users\\u\\.aws\\credentials", "a/../.env"]
)
def test_credentials(path: str) -> None:
    assert paths.reading(path)


@pytest.mark.parametrize("path", ["~/.ssh/known_hosts", ".env.example", "/etc/hosts", "src/credentials.py"])
def test_no_credentials(path: str) -> None:
    assert paths.reading(path) == ""


def test_a_crowd() -> None:
    many = [f"p{n}@example.org" for n in range(addresses.MANY)]
    assert addresses.crowd([many])
    assert addresses.crowd([", ".join(many)])
    assert addresses.crowd([{"to": many}])
    assert addresses.crowd(["all-staff@example.org"])
    assert addresses.crowd([many[:-1]]) == ""
    assert addresses.mention("<!here> lunch")
    assert addresses.mention("see @here") == ""
