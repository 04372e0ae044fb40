"""The judge wants a finding of every configured check, and takes every failure for a denial."""

from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from standwatch.enforce import judge as judging
from standwatch.enforce.case import CHECKS, Case, allow
from standwatch.enforce.checks import IN_ORDER, Check
from standwatch.facts.configuration import Finding
from standwatch.facts.entries import Denied
from support import bank
from support.playbook import Stage


@contextmanager
def checks(monkeypatch: pytest.MonkeyPatch, name: str, check: Check) -> Iterator[None]:
    """The real list of checks with one of them replaced: the fault that is injected."""
    altered = tuple((one, check if one == name else function) for one, function in IN_ORDER)
    with monkeypatch.context() as patch:
        patch.setattr(judging, "IN_ORDER", altered)
        yield


def fails(_: Case) -> Finding:
    raise RuntimeError("a check that breaks")


def says_another_name(_: Case) -> Finding:
    return allow("somebody else")


@pytest.mark.parametrize("name", CHECKS)
@pytest.mark.parametrize(("check", "code"), [(fails, "check_failed"), (says_another_name, "missing_finding")])
def test_a_check_that_fails_or_leaves_no_finding_denies(
    monkeypatch: pytest.MonkeyPatch, name: str, check: Check, code: str
) -> None:
    stage = Stage()
    with checks(monkeypatch, name, check):
        reply = stage.play(bank.call(**bank.PAY))
    assert reply.word == "refused"
    assert stage.last(Denied).code == code
    assert not stage.forwarded


def test_the_order_is_that_of_the_design() -> None:
    assert [name for name, _ in IN_ORDER] == list(CHECKS)


def test_behind_a_denial_the_rest_are_not_reached_and_say_so() -> None:
    stage = Stage()
    stage.hold("all")
    stage.play(bank.call(**bank.PAY))
    found = stage.findings()
    assert list(found) == list(CHECKS)
    assert [name for name in CHECKS if found[name].get("reached", True) is False] == list(CHECKS[4:])
