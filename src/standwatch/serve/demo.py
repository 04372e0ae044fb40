"""`standwatch demo`: the example bank, played before your eyes with the commands anybody would type.

Every line with a `$` is a command that is really run, in this order. The agent is a script and says so. At the end the
server goes on in the background; `standwatch demo --stop` ends it.
"""

import contextlib
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

from standwatch.facts.errors import NotFound, StandwatchError
from standwatch.keys import ed25519
from standwatch.serve.demo_mortgage import Mortgage

Say = Callable[[str], None]

PASSWORDLESS: Final = ("olga", "chen")
"""Whose demo keys are made without a passphrase: a demo's keys guard nothing."""


class Demo:
    """The example organisation in `.demo/org` of the checkout at `root`."""

    def __init__(self, root: Path, say: Say) -> None:
        self.root = root
        self.folder = root / ".demo"
        self.org = self.folder / "org"
        self.keys = self.folder / "keys"
        self.say = say
        self.url = ""
        self.mortgage = Mortgage(self)

    # --- steps ---------------------------------------------------------------------------------------------

    def seed(self) -> None:
        """A fresh copy of the example, its data, its own origin, free ports, and two people's keys."""
        example = self.root / "examples" / "bank"
        if not example.is_dir() or not self._python.exists() or not self.mortgage.python.exists():
            raise NotFound("the example bank and its servers are not installed here", cure="make demo")
        self.stop()
        for folder in (self.org, self.keys):
            shutil.rmtree(folder, ignore_errors=True)
        shutil.copytree(example, self.org, ignore=shutil.ignore_patterns("__pycache__"))
        self.keys.mkdir(mode=0o700)
        self.program([str(self._python), "seed.py", "data"])
        text = (self.org / "standwatch.yaml").read_text()
        text = text.replace("bank-example.invalid/demo", f"demo-{os.urandom(6).hex()}.invalid/log")
        for port in ("8400", "8401"):
            text = text.replace(port, str(free(int(port))))
        for name in PASSWORDLESS:
            key = ed25519.make()
            ed25519.save(key, self.keys / f"{name}.pem", plain=True)
            person = re.compile(rf"(\{{id: {name},.*keys: )\[\]")
            text = person.sub(rf"\g<1>[{json.dumps(ed25519.public(key))}]", text)
        (self.org / "standwatch.yaml").write_text(text)
        self.mortgage.seed()

    def start(self) -> None:
        """The server, in the background, its words in `server.log`."""
        with (self.folder / "server.log").open("ab") as log:
            process = subprocess.Popen(
                [*self._standwatch, "up", "--org", str(self.org)],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        (self.folder / "server.pid").write_text(str(process.pid))
        agents = re.search(r"agents: ([\d.]+):(\d+)", (self.org / "standwatch.yaml").read_text())
        assert agents is not None, "the example says where agents come in"
        if not opened(process, agents[1], int(agents[2])):
            raise StandwatchError(
                f"the server did not start; see {self.folder / 'server.log'}", code="unavailable"
            )
        self.url = f"http://{agents[1]}:{agents[2]}"

    def stop(self) -> None:
        """End a demo that still runs."""
        end(self.folder / "server.pid", b"standwatch")
        end(self.folder / "models.pid", b"serve.py")

    def play(self, *, sign: bool) -> None:
        """The scenes of the example, in order."""
        for system in ("payments-agent", "account-keeper"):
            self.run("accept", system, "--yes", shown="^ *(new|changed|configuration)")
        self.run("validate", "payments-agent", "--until", in_a_week(), "--outcome", "pass",
                 "--by", "chen", "--key", os.path.relpath(self.keys / "chen.pem"), "--yes")  # fmt: skip
        token = self.run("agent", "add", "scheduler", "--system", "payments-agent", "--system", "account-keeper",
                         "--starts", "--service", as_json=True)["token"]  # fmt: skip
        payments = self.open_run(token, "payments-agent")
        keeper = self.open_run(token, "account-keeper")
        lines = self.agent("payments-agent", payments, {
            "inbox": "What the agent may do, it does: it reads what it was sent",
            "books": "",
            "allowed": "A payment that its task names",
            "hijack": "An invoice carries an order from a stranger: the agent obeys it, the watch does not",
            "large": "A large payment waits for a person",
        })  # fmt: skip
        self.scene("A delete in production, during the freeze")
        self.agent("account-keeper", keeper, {"delete": ""})
        self.scene("Halt, and release")
        hold = self.run("halt", "system:payments-agent", "--reason", "demo: stop the payments", as_json=True)[
            "hold"
        ]
        self.agent("payments-agent", payments, {"allowed": ""})
        self.run("release", str(hold), "--reason", "demo: over")
        pending = self.run("status", as_json=True)["questions"]
        if sign and pending:
            self.scene("Olga signs exactly these bytes; the same call goes through once")
            self.run(
                "approve", pending[0]["id"], "--by", "olga", "--key", str(self.keys / "olga.pem"), "--yes"
            )
            self.agent("payments-agent", payments, {"large": ""})
        self.mortgage.play()
        self.account(lines)

    def account(self, lines: list[dict[str, str]]) -> None:
        """Explain the refused hijack, verify the record, and say where to look."""
        refused = next((line for line in lines if line["step"] == "hijack" and line["word"] != "done"), None)
        reference = re.search(r"\b[0-9a-hjkmnp-tv-z]{26}\b", refused["text"]) if refused else None
        if reference:
            self.scene("Why was the stranger's payment refused?")
            self.run("explain", reference[0])
        self.scene("Is the record what it claims to be?")
        self.run("verify")

    def last_words(self, took: float, *, sign: bool) -> None:
        """Where to look, and what is left for somebody to do."""
        found = re.search(r"public_url: (\S+)", (self.org / "standwatch.yaml").read_text())
        url = found[1] if found else ""
        program = (
            "standwatch"
            if shutil.which("standwatch")
            else os.path.relpath(self.root / ".venv/bin/standwatch")
        )
        olga = f"--key {_quoted(os.path.relpath(self.keys / 'olga.pem'))} --org {_quoted(os.path.relpath(self.org))}"
        self.say(f"\nThe watch stands ({took:.1f} s): {url}/")
        if not sign:
            waits = json.loads(self._ran("status", as_json=True))["questions"][0]["id"]
            self.say(f"A payment still waits:  {url}/approvals/{waits}")
            self.say(f"  Olga, in the browser: {program} passkey add {olga}   # once: her passkey")
            self.say(f"  or with her key:      {program} approve {waits} --by olga {olga}")
        self.say(f"She takes the watch:    {program} watch take bank {olga}")
        self.say(f"End it:                 {program} demo --stop")

    # --- means ---------------------------------------------------------------------------------------------

    @property
    def _python(self) -> Path:
        return self.folder / "venv" / "bin" / "python"

    @property
    def _standwatch(self) -> list[str]:
        return [sys.executable, "-m", "standwatch.cli.main"]

    def scene(self, title: str) -> None:
        self.say(f"\n── {title}")

    def run(self, *words: str, as_json: bool = False, shown: str = "", ends: int = 0) -> Any:
        """Run `standwatch WORDS` and show it; with `as_json`, its answer as a value. Raises where it does not end
        with `ends`.

        With `shown`, only the lines of its answer that match.
        """
        self.say("$ standwatch " + " ".join(_quoted(word) for word in words))
        done = self._ran(*words, as_json=as_json, ends=ends)
        if as_json:
            return json.loads(done)
        lines = [line for line in done.rstrip().splitlines() if re.search(shown, line)]
        self.say("\n".join("  " + line for line in lines))
        return None

    def _ran(self, *words: str, as_json: bool = False, ends: int = 0) -> str:
        options = ["--org", str(self.org), *(["--json"] if as_json else [])]
        done = subprocess.run(
            [*self._standwatch, *options, *words], capture_output=True, text=True, check=False
        )
        if done.returncode != ends:
            raise StandwatchError(
                f"standwatch {words[0]} ended with {done.returncode}: {done.stderr or done.stdout}"
            )
        return done.stdout

    def open_run(self, token: str, system: str) -> str:
        """What the bank's scheduler does when a user asks for something: open a run with the user's words."""
        import http.client

        task = (self.org / "tasks" / f"{system}.txt").read_text().strip()
        self.say(f"$ curl -H 'Authorization: Bearer sw_…' {self.url}/v1/runs   # {system}: {task!r}")
        connection = http.client.HTTPConnection(self.url.removeprefix("http://"), timeout=10)
        body = json.dumps({"system": system, "task": task, "on_behalf_of": "maria"})
        headers = {"authorization": f"Bearer {token}", "content-type": "application/json"}
        connection.request("POST", "/v1/runs", body, headers)
        answer = json.loads(connection.getresponse().read())
        return answer["token"]

    def agent(self, system: str, token: str, steps: dict[str, str]) -> list[dict[str, str]]:
        """Let the scripted agent take `steps` (each with its scene's title, or ""); a line for each call."""
        url = f"{self.url}/mcp/{system}"
        self.say(f"$ python agent.py --url {url} {' '.join(steps)}   # scripted: no model is behind it")
        environment = {**os.environ, "STANDWATCH_TOKEN": token}
        done = subprocess.run(
            [str(self._python), "agent.py", "--url", url, "--json", *steps],
            cwd=self.org, env=environment, capture_output=True, text=True, check=False,
        )  # fmt: skip
        if done.returncode != 0:
            raise StandwatchError(f"the agent could not work: {done.stderr.strip()}")
        lines: list[dict[str, str]] = [json.loads(line) for line in done.stdout.splitlines()]
        for step, title in steps.items():
            if title:
                self.scene(title)
            for line in lines:
                if line["step"] == step:
                    self.say(f"  {line['tool']:<18} {line['word']:<9} {' '.join(line['text'].split())[:140]}")
        return lines

    def program(self, command: list[str]) -> None:
        done = subprocess.run(command, cwd=self.org, capture_output=True, text=True, check=False)
        if done.returncode != 0:
            raise StandwatchError(f"{' '.join(command)} ended with {done.returncode}: {done.stderr.strip()}")


def main(root: Path, say: Say, *, sign: bool = False, stop: bool = False) -> int:
    """Play the demo in the checkout at `root` and leave the server running; with `stop`, end it."""
    demo = Demo(root, say)
    if stop:
        demo.stop()
        say("the demo is stopped")
        return 0
    begun = time.monotonic()
    demo.seed()
    demo.start()
    demo.play(sign=sign)
    demo.last_words(time.monotonic() - begun, sign=sign)
    return 0


def end(file: Path, named: bytes) -> None:
    """End the process that `file` tells of, while it is the one whose command line has `named`."""
    with contextlib.suppress(OSError, ValueError):
        pid = int(file.read_text())
        words = Path(f"/proc/{pid}/cmdline")
        if named in words.read_bytes():
            os.kill(pid, signal.SIGTERM)
            for _ in range(100):
                if named not in words.read_bytes():  # gone, or a child of ours that nobody waits for
                    break
                time.sleep(0.05)
            else:
                os.kill(pid, signal.SIGKILL)
    file.unlink(missing_ok=True)


def free(port: int) -> int:
    """`port`, or any free one where it is taken."""
    for wanted in (port, 0):
        with contextlib.suppress(OSError), socket.socket() as trying:
            trying.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            trying.bind(("127.0.0.1", wanted))
            return trying.getsockname()[1]
    return port


def opened(process: subprocess.Popen[bytes], host: str, port: int, within: float = 20.0) -> bool:
    """Wait until `process` listens at `host:port`, the agents' door, which `up` opens last; False where it never does.

    The operators' door is open before the servers behind the agents' have been looked at, which takes seconds.
    """
    deadline = time.monotonic() + within
    while process.poll() is None and time.monotonic() < deadline:
        with contextlib.suppress(OSError), socket.create_connection((host, port), timeout=1):
            return True
        time.sleep(0.05)
    return False


def in_a_week() -> str:
    return time.strftime("%Y-%m-%dT%H:%MZ", time.gmtime(time.time() + 7 * 86_400))


def _quoted(word: str) -> str:
    return json.dumps(word) if " " in word else word
