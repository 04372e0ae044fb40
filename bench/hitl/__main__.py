"""The OpenAI Agents SDK's own tests of its human in the loop, without and with our adapter: `python -m bench.hitl`.

The suite is that of the SDK's source distribution, downloaded once into build/ and checked against its hash; it runs in
an environment of its own that has what `.demo/frameworks` has, and pytest. Before the adapter stands a scripted gateway
that allows everything: what is tried is whether the SDK notices that the adapter is there. Exit code 1 where it does,
but for the tests named in `KNOWN`.
"""

from __future__ import annotations

import hashlib
import re
import subprocess
import sys
import tarfile
import venv
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).resolve().parents[2]
PLACE: Final = ROOT / "build" / "hitl"
NAME: Final = "openai_agents-0.24.0"
SHA256: Final = "4b4b285f4fed81fdf1b4ac426a9101658d9cd29b4fb1aaeee18f639b77e704e3"
SITE: Final = ROOT / ".demo/frameworks/lib/python3.11/site-packages"
TOOLS: Final = ("pytest==9.2.0", "pytest-asyncio==1.5.0", "inline-snapshot==0.36.1", "pytest-mock==3.17.0")
FILES: Final = (
    "hitl_error_scenarios", "hitl_session_scenario", "hitl_utils", "run_impl_resume_paths", "agent_scoped_approvals",
    "run_context_approvals", "run_internal_approvals", "tool_approval_call_id_reuse",
    "function_tool_approval_arguments", "resume_tool_use_behavior", "runner_guardrail_resume",
)  # fmt: skip
KNOWN: Final = frozenset({"test_failed_parallel_tool_end_hook_checkpoints_outputs_in_model_order"})
"""It wants a tool to take no time at all: its outcome is told while the other tool's hook raises."""


def main() -> int:
    """Both ways; 1 where a test fails with the adapter that does not fail without, but for those known."""
    suite, python = _suite(), _environment()
    failed: list[set[str]] = []
    for said, more in (("without", ()), ("with", ("-p", "governed_plugin"))):
        command = [python, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--no-header", *more]
        ran = subprocess.run(
            [*command, *(f"tests/test_{name}.py" for name in FILES)],
            cwd=suite,
            env={"PATH": "/usr/bin:/bin", "PYTHONPATH": str(Path(__file__).parent), "HOME": str(PLACE)},
            capture_output=True,
            text=True,
            check=False,
        )
        told = ran.stdout.strip().splitlines()
        failed.append(set(re.findall(r"^(?:FAILED|ERROR) \S+::(\w+)", ran.stdout, re.MULTILINE)))
        asked = [line for line in told if line.startswith("the gateway was asked")]
        print(
            f"{said} the adapter: {told[-1] if told else ran.stderr[-500:]}",
            *asked,
            *sorted(failed[-1]),
            sep="\n  ",
        )
    return 1 if failed[1] - failed[0] - KNOWN else 0


def _environment() -> Path:
    python = PLACE / "venv" / "bin" / "python"
    if not python.exists():
        venv.create(PLACE / "venv", with_pip=True)
        subprocess.run([python, "-m", "pip", "install", "--quiet", *TOOLS], check=True)
        (site,) = (PLACE / "venv" / "lib").glob("python*/site-packages")
        (site / "frameworks.pth").write_text(f"{SITE}\n{ROOT / 'src'}\n")
    return python


def _suite() -> Path:
    path = PLACE / f"{NAME}.tar.gz"
    if not path.exists():
        PLACE.mkdir(parents=True, exist_ok=True)
        options = ("--no-deps", "--no-binary", "openai-agents", "--quiet", "--dest", str(PLACE))
        subprocess.run(
            [sys.executable, "-m", "pip", "download", *options, "openai-agents==0.24.0"], check=True
        )
    if hashlib.sha256(path.read_bytes()).hexdigest() != SHA256:
        raise SystemExit(f"bench.hitl: {path} is not the distribution that was measured")
    if not (PLACE / NAME).is_dir():
        with tarfile.open(path) as archive:
            archive.extractall(PLACE, filter="data")
    return PLACE / NAME


if __name__ == "__main__":
    sys.exit(main())
