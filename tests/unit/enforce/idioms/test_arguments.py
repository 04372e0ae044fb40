"""An argument, by what the manifest says that it is taken for."""

from typing import Any

import pytest

from standwatch.enforce.idioms.arguments import far_reaching
from standwatch.facts.rules import ArgumentRule


def looked(rule: ArgumentRule, effect: Any = "write", **arguments: Any) -> bool:
    return bool(far_reaching(rule, "x", effect, arguments))


@pytest.mark.parametrize(
    ("kind", "far", "near"),
    [
        ("shell", "sudo id", "ls"),
        ("shell", ["sh", "-c", "sudo id"], ["ls", "-l", "my file"]),
        ("sql", "DROP TABLE t", "SELECT 1"),
        ("url", ["https://example.com", "http://127.1/"], "https://example.com"),
        ("path", "/etc/shadow", "/tmp/x"),
        ("recipients", ["all-staff@example.com"], "ada@example.com"),
        ("message", "<!channel> hi", "hi"),
        ("", "sudo id", "DROP TABLE t"),
    ],
)
def test_only_what_is_declared_is_looked_for(kind: Any, far: Any, near: Any) -> None:
    rule = ArgumentRule(reads_as=kind)
    assert looked(rule, x=far) is bool(kind)
    assert not looked(rule, x=near)


def test_what_is_read_is_not_what_is_written() -> None:
    rule = ArgumentRule(reads_as="path")
    assert looked(rule, x="/etc/cron.d/job")
    assert not looked(rule, effect="read", x="/etc/cron.d/job")


def test_something_is_sent_by_method_or_body() -> None:
    rule = ArgumentRule(reads_as="url", sends_to=("example.com",))
    assert looked(rule, x="https://evil.example/", method="post")
    assert looked(rule, x="https://evil.example/", body="b")
    assert not looked(rule, x="https://evil.example/", method="GET")
    assert not looked(rule, x="https://example.com/", method="POST", body="b")
