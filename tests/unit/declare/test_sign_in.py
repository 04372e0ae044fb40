"""`sign_in`, `tls` and `proxy`: what is read, what is refused, and which changes are narrower."""

from __future__ import annotations

import pytest

from standwatch.declare.configuration import declare
from standwatch.declare.narrowing import compare
from standwatch.facts.errors import Misconfigured
from standwatch.facts.signing_in import Issuer, SignIn, Tls

FILE = "standwatch.yaml"
SECTION = """\
sign_in:
  idle: 5m
  longest: 4h
  bound: [agent]
  oidc: {issuer: "https://login.bank.example/realm", client_id: standwatch, secret_env: OIDC_SECRET}
"""


def with_more(files: dict[str, bytes], more: str, old: str = "", new: str = "") -> dict[str, bytes]:
    text = files[FILE].decode()
    assert old in text
    return {**files, FILE: (text.replace(old, new, 1) + more).encode()}


def complaints(files: dict[str, bytes]) -> str:
    with pytest.raises(Misconfigured) as caught:
        declare(files)
    return "\n".join(caught.value.problems)


def test_a_section_becomes_facts(files: dict[str, bytes]) -> None:
    found = declare(with_more(files, SECTION)).configuration.organisation.sign_in
    issuer = Issuer("https://login.bank.example/realm", "standwatch", "OIDC_SECRET")
    assert found == SignIn(idle=300, longest=14_400, bound=("agent",), oidc=issuer)
    assert declare(files).configuration.organisation.sign_in == SignIn()


def test_a_listener_with_tls(files: dict[str, bytes]) -> None:
    proxied = "proxy: [127.0.0.1]"
    made = with_more(files, "", proxied, "tls: {certificate: tls/chain.pem, key: tls/key.pem}")
    found = declare(made)
    assert found.configuration.organisation.operators.tls == Tls("tls/chain.pem", "tls/key.pem")
    assert found.configuration.organisation.operators.url == "https://127.0.0.1:8401"
    assert not [one for one in found.warnings if "sign in" in one]


def test_nobody_can_sign_in_where_nothing_ends_tls(files: dict[str, bytes]) -> None:
    found = declare(with_more(files, "", ", proxy: [127.0.0.1]", ""))
    (said,) = [one for one in found.warnings if "sign in" in one]
    assert said.startswith("standwatch.yaml:6:3: ")
    assert "tls nor proxy" in said


@pytest.mark.parametrize(
    ("old", "new", "more", "said"),
    [
        ("", "", "sign_in: {idle: 13h}\n", "expected at most 12h"),
        ("", "", "sign_in: {longest: 25h}\n", "expected at most 24h"),
        ("", "", "sign_in: {bound: [cookie]}\n", "expected one of"),
        ("", "", "sign_in: {oidc: {issuer: 'https://a.example'}}\n", "no 'client_id'"),
        ("", "", "sign_in: {oidc: {issuer: 'http://a.example', client_id: x}}\n", "not protected"),
        (
            "",
            "",
            "sign_in: {oidc: {issuer: 'http://localhost.evil.example', client_id: x}}\n",
            "not protected",
        ),
        ("", "", "sign_in: {oidc: {issuer: 'https://a', client_id: x, secret: y}}\n", "unknown key 'secret'"),
        (
            "",
            "",
            "sign_in: {oidc: {issuer: https://a, client_id: x, secret_env: A, secret_file: b}}\n",
            "one of them",
        ),
        ("[127.0.0.1]", "[bank.example]", "", "the IP address of a reverse proxy"),
        ("[127.0.0.1]", "[1.2.3.4.5]", "", "the IP address of a reverse proxy"),
        ("[127.0.0.1]", "[127.0.0.1], tls: {certificate: a, key: b}", "", "tls and proxy"),
        ("[127.0.0.1]", "[127.0.0.1], tls: {certificate: a}", "", "no 'key'"),
        (
            "agents: 127.0.0.1:8400",
            "agents: {listen: '127.0.0.1:8400', proxy: ['::1']}",
            "",
            "the operators' listener",
        ),
        (
            "os_user: chen",
            "subject: one",
            "  - {id: p-z, address: z@bank.example, subject: one}\n",
            "is taken",
        ),
    ],
)
def test_what_is_refused_says_where_and_what(
    files: dict[str, bytes], old: str, new: str, more: str, said: str
) -> None:
    made = with_more(files, "" if "p-z" in more else more, old, new)
    if "p-z" in more:
        made = with_more(made, "", "groups:\n", more + "groups:\n")
    assert said in complaints(made)


@pytest.mark.parametrize(
    ("old", "new", "whole"),
    [
        ("idle: 5m", "idle: 4m", "narrower"),
        ("idle: 5m", "idle: 6m", "wider"),
        ("longest: 4h", "longest: 3h", "narrower"),
        ("bound: [agent]", "bound: [agent, network]", "narrower"),
        ("bound: [agent]", "bound: []", "wider"),
        ("client_id: standwatch", "client_id: another", "wider"),
    ],
)
def test_shorter_and_more_bound_is_narrower(files: dict[str, bytes], old: str, new: str, whole: str) -> None:
    before = declare(with_more(files, SECTION)).configuration
    after = declare(with_more(with_more(files, SECTION), "", old, new)).configuration
    assert compare(before, after).whole == whole


def test_whose_word_is_taken_anew_widens(files: dict[str, bytes]) -> None:
    before = declare(files).configuration
    section = SECTION.replace("idle: 5m", "idle: 15m").replace("longest: 4h", "longest: 8h")
    after = declare(with_more(files, section.replace("[agent]", "[agent, network]"))).configuration
    assert compare(before, after).whole == "wider"
