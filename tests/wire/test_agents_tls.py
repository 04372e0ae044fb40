"""The agents' listener over TLS, in one process and in workers; a renewed certificate reaches every one of them."""

from __future__ import annotations

import http.client
import json
import ssl
from pathlib import Path

import pytest

from support.certificates import issue
from support.system import Living


@pytest.mark.parametrize("workers", [0, 2])
def test_agents_come_in_over_tls(tmp_path: Path, workers: int) -> None:
    living = Living(tmp_path / "org", {})
    issue(living.folder)
    file, address = living.folder / "standwatch.yaml", f"127.0.0.1:{living.agents}"
    listener = {"listen": address, "tls": {"certificate": "chain.pem", "key": "key.pem"}}
    file.write_text(file.read_text().replace(f'"agents": "{address}"', f'"agents": {json.dumps(listener)}'))
    living.start(workers)
    try:
        assert f"https://{address}" in living.heard("agents at")
        context = ssl.create_default_context(cafile=str(living.folder / "chain.pem"))
        context.check_hostname = False
        for _ in range(8):  # more connections than workers
            connection = http.client.HTTPSConnection("127.0.0.1", living.agents, timeout=30, context=context)
            connection.request("POST", "/v1/actions", b"{}", {"content-type": "application/json"})
            answer = connection.getresponse()
            assert answer.status == 401
            answer.read()
            connection.close()
        issue(living.folder)
        for number in range(max(workers, 1)):
            living.heard("was read again", after=number)
    finally:
        living.stop()
