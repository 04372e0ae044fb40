"""`returns` of a tool: paths, formats and patterns as they are read."""

import pytest

from standwatch.declare.configuration import declare
from standwatch.facts.configuration import Returns
from standwatch.facts.errors import Misconfigured

MANIFEST = "systems/payments-agent.yaml"
BEFORE = 'returns: {trusted: ["$[*].recipient", "$[*].amount", "$[*].id"]}'


def read(files: dict[str, bytes], said: str) -> Returns:
    text = files[MANIFEST].decode()
    assert BEFORE in text
    changed = files | {MANIFEST: text.replace(BEFORE, f"returns: {said}").encode()}
    tools = declare(changed).configuration.systems["payments-agent"].manifest.tools
    return tools["bank.get_transactions"].returns


def test_what_is_declared_of_results(files: dict[str, bytes]) -> None:
    said = (
        """{format: text, pattern: '(?P<to>[A-Z]+)', trusted: ["$[?(@.from == 'a')].to"], """
        """secret: ["$['pin code']"]}"""
    )
    assert read(files, said) == Returns(
        ("$[?(@.from == 'a')].to",), ("$['pin code']",), "text", "(?P<to>[A-Z]+)"
    )


@pytest.mark.parametrize(
    ("said", "told"),
    [
        ('{trusted: ["$..iban"]}', "no path of ours"),
        ('{trusted: ["iban"]}', "begins with $"),
        ('{secret: ["$[?(@.a < 1)]"]}', "no path of ours"),
        ("{format: xml}", "xml"),
        ("{format: yaml, pattern: '(?P<a>x)'}", "pattern without format: text"),
        ("{format: text, pattern: 'x'}", "without a named group"),
        ("{format: text, pattern: '(?P<a>'}", "not an RE2 pattern"),
        ("{formats: yaml}", "formats"),
    ],
)
def test_mistakes_say_what_was_expected(files: dict[str, bytes], said: str, told: str) -> None:
    with pytest.raises(Misconfigured) as caught:
        read(files, said)
    assert told in str(caught.value)
