"""What may be asked of people, as text: read, refused, compared as it counts, and what it does to an envelope."""

import pytest

from standwatch.declare.configuration import declare
from standwatch.declare.narrowing import compare
from standwatch.enforce.envelope import build
from standwatch.facts.asks import DECOYS, PER_PERSON, PER_PERSON_IN_DEVELOPMENT, Asks, decoys, effective
from standwatch.facts.configuration import Configuration
from standwatch.facts.errors import Misconfigured

MANIFEST, ORGANISATION = "systems/payments-agent.yaml", "standwatch.yaml"
HERE = "asks: {per_run: 3}"
DEFAULTS = "defaults: {approval_expires: 10m}"
Files = dict[str, bytes]


def said(files: Files, manifest: str = HERE, defaults: str = DEFAULTS, more: str = "") -> Configuration:
    """The organisation with these asks in its manifest, these defaults, and `more` at the end of its file."""
    texts = {name: data.decode() for name, data in files.items()}
    assert HERE in texts[MANIFEST]
    texts[MANIFEST] = texts[MANIFEST].replace(HERE, manifest)
    texts[ORGANISATION] = texts[ORGANISATION].replace(DEFAULTS, defaults) + more
    return declare({name: text.encode() for name, text in texts.items()}).configuration


def capped(configuration: Configuration) -> dict[str, int]:
    return build(configuration)["payments-agent"].asks


def test_a_manifest_goes_before_its_organisation_and_both_before_what_is_built_in(files: Files) -> None:
    assert capped(said(files)) == {"run/asks": 3, "person/asks": PER_PERSON}
    ours = "defaults: {asks: {per_run: 9, per_person_per_hour: 5, per_hour: 7, per_day: 30}}"
    whole = {"run/asks": 3, "person/asks": 5, "hour/asks": 7, "day/asks": 30}
    assert capped(said(files, defaults=ours)) == whole
    assert capped(said(files, "asks: {per_person_per_hour: 0}", ours)) == whole | {
        "run/asks": 9,
        "person/asks": 0,
    }


def test_development_is_asked_more_and_tried_less() -> None:
    assert effective(Asks(), Asks(), development=True).per_person_per_hour == PER_PERSON_IN_DEVELOPMENT
    assert (decoys(None, None, development=True), decoys(None, None, development=False)) == (0, DECOYS)
    assert (decoys(None, 9, development=True), decoys(0, 9, development=False)) == (9, 0)


@pytest.mark.parametrize(
    ("asks", "told"),
    [
        ("asks: {per_person: 3}", "unknown key 'per_person' in asks"),
        ("asks: {per_hour: -1}", "-1"),
        ("asks: {per_day: many}", "'many'"),
    ],
)
def test_what_is_no_number_of_questions_is_refused(files: Files, asks: str, told: str) -> None:
    with pytest.raises(Misconfigured) as caught:
        said(files, asks)
    assert told in str(caught.value)


@pytest.mark.parametrize("rate", ["1", "3", "-4", "0.5"])
def test_decoys_are_one_in_four_at_most(files: Files, rate: str) -> None:
    with pytest.raises(Misconfigured):
        said(files, more=f"approvals: {{decoys: {{one_in: {rate}}}}}\n")
    assert said(files, more="approvals: {decoys: {one_in: 0}}\n").organisation.decoys == 0


@pytest.mark.parametrize(
    ("before", "after", "whole", "told"),
    [
        ("per_person_per_hour: 6", "per_person_per_hour: 7", "wider", "asks.per_person_per_hour: 6 → 7"),
        ("per_person_per_hour: 6", "per_run: 3", "wider", "asks.per_person_per_hour: 6 → 12"),
        ("per_run: 3", "per_run: 3, per_person_per_hour: 6", "narrower", "per_person_per_hour: 12 → 6"),
        ("per_run: 3", "per_run: 3, per_person_per_hour: 60", "wider", "per_person_per_hour: 12 → 60"),
        ("per_hour: 6", "per_hour: 5", "narrower", "asks.per_hour: 6 → 5"),
        ("per_day: 6", "per_run: 3", "wider", "asks.per_day: 6 → none"),
    ],
)
def test_changes_are_compared_as_they_count(
    files: Files, before: str, after: str, whole: str, told: str
) -> None:
    change = compare(said(files, f"asks: {{{before}}}"), said(files, f"asks: {{{after}}}"))
    assert change.whole == whole
    assert any(told in f"{one.where}: {one.what}" for one in change.differences), change.differences


@pytest.mark.parametrize(
    ("before", "after", "whole"),
    [(20, 10, "narrower"), (10, 20, "wider"), (10, 0, "wider"), (0, 4, "narrower")],
)
def test_fewer_decoys_are_a_widening_and_change_no_envelope(
    files: Files, before: int, after: int, whole: str
) -> None:
    one, other = (
        said(files, more=f"approvals: {{decoys: {{one_in: {rate}}}}}\n") for rate in (before, after)
    )
    assert compare(one, other).whole == whole
    system = "payments-agent"
    assert one.systems[system].envelope == other.systems[system].envelope
    assert one.root != other.root
