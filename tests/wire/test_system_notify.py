"""A whole Standwatch that tells people: halts and refusals as they happen, over restarts, in nobody's markup."""

from __future__ import annotations

import asyncio
import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from standardwebhooks.webhooks import Webhook

from support.mailbox import Inbox, mail_server
from support.notifying import SECRET, Receiver, receiving
from support.system import Living, free_port, manifest, server, serving, waited


@contextmanager
def receiver_in_a_thread(port: int = 0) -> Iterator[Receiver]:
    """A receiver that a test reads without an event loop of its own."""
    ready, stop = threading.Event(), threading.Event()
    found: list[Receiver] = []

    async def work() -> None:
        async with receiving(port) as receiver:
            found.append(receiver)
            ready.set()
            while not stop.is_set():
                await asyncio.sleep(0.01)

    thread = threading.Thread(target=asyncio.run, args=(work(),), daemon=True)
    thread.start()
    assert ready.wait(30)
    try:
        yield found[0]
    finally:
        stop.set()
        thread.join(10)


def told(receiver: Receiver) -> list[str]:
    return [f"{one.data['stage']} {one.data['title']}" for one in receiver.got]


def section(hook: int, room: int, mail: int) -> str:
    smtp = {"host": "127.0.0.1", "port": mail, "starttls": False, "from": "w@bank.example", "to": ["owner"]}
    said = {
        "channels": {
            "oncall": {"webhook": f"http://127.0.0.1:{hook}/hook", "secret_env": "PAGER_SECRET"},
            "room": {"slack": "${ROOM_URL}"},
            "mail": {"smtp": smtp},
        },
        "routes": [
            {"to": ["oncall"]},
            {"events": ["refusal"], "to": ["room"]},
            {"events": ["hold"], "to": "mail"},
        ],
    }
    return f"notify: {json.dumps(said)}\n"


@contextmanager
def telling(folder: Path, hook: int, room: int, mail: int) -> Iterator[Living]:
    systems = {"pay": manifest("pay", [server("bank", command=("false",))], {"bank.send": "irreversible"})}
    environment = {"PAGER_SECRET": SECRET, "ROOM_URL": f"http://127.0.0.1:{room}/T0/B0/x"}
    with serving(folder, systems, accept=False, more=section(hook, room, mail), **environment) as living:
        # What was declared when it started is told too, or not, as the first look falls; what comes after it is.
        waited(lambda: (living.state / "notify.db").exists())
        time.sleep(0.3)
        yield living


@pytest.fixture
def inbox() -> Inbox:
    return Inbox()


def test_a_halt_is_told_to_everybody_and_so_is_its_end_after_a_restart(tmp_path: Path, inbox: Inbox) -> None:
    with (
        receiver_in_a_thread() as pager,
        receiver_in_a_thread() as room,
        mail_server(inbox) as mail,
        telling(tmp_path, pager.port, room.port, mail) as living,
    ):
        began = time.monotonic()
        hold = living.halt("system:pay")["hold"]
        waited(lambda: "opened system pay is halted" in told(pager))
        assert time.monotonic() - began < 20
        (first,) = [one for one in pager.got if one.data["event"] == "hold"]
        said = Webhook(SECRET).verify(first.body, first.headers)
        assert said["type"] == "standwatch.hold.opened"
        assert (said["data"]["systems"], said["data"]["entries"]) == (["pay"], [hold])
        waited(lambda: inbox.mails)
        assert inbox.mails[0][1] == ["maria@bank.example"], "its owner"
        status = living.api.get("/notifications")
        assert [one["title"] for one in status["incidents"] if one["event"] == "hold"] == [
            "system pay is halted"
        ]

        living.kill()
        living.start(PAGER_SECRET=SECRET, ROOM_URL=f"http://127.0.0.1:{room.port}/T0/B0/x")
        living.release(hold)
        waited(lambda: "resolved system pay is no longer halted" in told(pager))
        holds = [one.data for one in pager.got if one.data["event"] == "hold"]
        assert [one["stage"] for one in holds] == ["opened", "resolved"], "not told again, and not forgotten"
        assert len({one["incident"] for one in holds}) == 1


def test_what_an_agent_calls_itself_and_its_tools_reaches_a_chat_inert(tmp_path: Path, inbox: Inbox) -> None:
    with (
        receiver_in_a_thread() as pager,
        receiver_in_a_thread() as room,
        mail_server(inbox) as mail,
        telling(tmp_path, pager.port, room.port, mail) as living,
    ):
        agent = living.agent("scheduler", "pay")
        agent.call("<!channel> https://evil.example/ *now*")
        waited(lambda: room.got)
        body = room.got[0].body.decode()
        assert room.got[0].path == "/T0/B0/x"
        assert "pay: actions are refused" in body
        assert "evil.example" not in body
        assert "<!" not in json.loads(body)["text"]
        assert "*now*" not in body


def test_the_command_line_tests_a_channel_and_says_what_is_wrong(tmp_path: Path, inbox: Inbox) -> None:
    gone = free_port()
    with (
        receiver_in_a_thread() as pager,
        mail_server(inbox) as mail,
        telling(tmp_path, pager.port, gone, mail) as living,
    ):
        assert living.run("notify", "test", "oncall")["state"] == "sent"
        assert "test This is a test of Standwatch" in told(pager)
        said = living.run("notify", "test", "room", code=3)
        assert (said["state"], said["error"]) == ("waits", f"no connection to 127.0.0.1:{gone}")
        assert living.run("notify", "test", "mail")["state"] == "sent"
        assert living.run("notify", "test", "nobody", code=1)["code"] == "not_found"
        assert living.run("notify", "test", code=2)["code"] == "no_channel"
        channels = {one["name"]: one for one in living.run("status")["channels"]}
        assert (channels["room"]["waiting"], channels["room"]["error"]) == (1, said["error"])
        assert channels["oncall"]["last"] > 0
        assert channels["room"]["to"] == "${ROOM_URL}"
        assert any(one.startswith("room: 1 message(s) wait") for one in living.run("status")["warnings"])
        assert [one["channel"] for one in living.run("notify", "list")["deliveries"]] == ["room"]
