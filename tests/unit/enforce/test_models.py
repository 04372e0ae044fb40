"""What a version is called by whoever runs it."""

from __future__ import annotations

from typing import Literal

import pytest

from standwatch.enforce.models import build_model
from standwatch.facts.configuration import Lock, System
from standwatch.facts.models import Model, Version
from support.lender import manifest


@pytest.mark.parametrize(
    ("protocol", "expected"),
    [("oip", ("", "s2", "")), ("mlflow", ("", "s2", "")), ("client", ("1", "s2", ""))],
)
def test_a_caller_calls_a_version_as_the_manifest_does(
    protocol: Literal["oip", "mlflow", "client"], expected: tuple[str, ...]
) -> None:
    model = Model("m", protocol=protocol, versions={"1": Version("1"), "2": Version("2", served_as="s2")})
    envelope = build_model(System(manifest(model), Lock(), ""), model, ())
    assert tuple(envelope.served_as(version) for version in ("1", "2", "3")) == expected
