"""Nothing is skipped silently: a skip that `allowed_skips.txt` does not name fails the run, and so does any skip
when `STANDWATCH_EVERYTHING` is set, as `.ci/run` does after installing what the tests can use.

No property is about time, so none fails for being slow on a busy machine. Where a few tests failed and nothing else is
wrong, `.ci/run` runs them again alone (`STANDWATCH_AGAIN`); those that pass then are listed."""

from __future__ import annotations

import os
from collections.abc import Generator
from fnmatch import fnmatchcase
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

settings.register_profile("unhurried", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("unhurried")

LIST = Path(__file__).with_name("allowed_skips.txt")
FEW = 5
_refused: list[str] = []


def allowed(path: Path = LIST) -> list[tuple[str, str]]:
    """(pattern of test ids, pattern of reasons) of each line; `#` begins a comment."""
    lines = [line.partition("#")[0].strip() for line in path.read_text(encoding="utf-8").splitlines()]
    pairs = [line.partition(" | ") for line in lines if line]
    return [(test.strip(), reason.strip()) for test, _, reason in pairs]


def judge(nodeid: str, reason: str) -> None:
    everything = bool(os.environ.get("STANDWATCH_EVERYTHING"))
    fits = any(fnmatchcase(nodeid, test) and fnmatchcase(reason, why) for test, why in allowed())
    if everything or not fits:
        _refused.append(f"{nodeid}: {reason}")


def reason_of(longrepr: object) -> str:
    return str(longrepr[2]).removeprefix("Skipped: ") if isinstance(longrepr, tuple) else str(longrepr)


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    if report.skipped and not hasattr(report, "wasxfail"):
        judge(report.nodeid, reason_of(report.longrepr))


def pytest_collectreport(report: pytest.CollectReport) -> None:
    if report.skipped:
        judge(report.nodeid, reason_of(report.longrepr))


@pytest.hookimpl(wrapper=True, trylast=True)
def pytest_sessionfinish(session: pytest.Session) -> Generator[None, None, None]:
    if _refused and session.exitstatus in {pytest.ExitCode.OK, pytest.ExitCode.NO_TESTS_COLLECTED}:
        session.exitstatus = pytest.ExitCode.TESTS_FAILED
    if cache := getattr(session.config, "cache", None):
        failed = session.exitstatus == pytest.ExitCode.TESTS_FAILED and not _refused
        cache.set("standwatch/few_failed", failed and 0 < session.testsfailed <= FEW)
    return (yield)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    if _refused:
        terminalreporter.section("skipped without leave: the run fails", red=True)
        for each in _refused:
            terminalreporter.write_line(each)
    if os.environ.get("STANDWATCH_AGAIN"):
        terminalreporter.section("unsteady: failed beside the others, passed alone", yellow=True)
        for report in terminalreporter.stats.get("passed", []):
            terminalreporter.write_line(report.nodeid)
