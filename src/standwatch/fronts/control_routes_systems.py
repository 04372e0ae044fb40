"""Routes. Systems, their versions and decisions, and the configuration they come from."""

from __future__ import annotations

from typing import Final

from standwatch.fronts.control_coverage import CoverageOrder, CoverageSheet
from standwatch.fronts.control_models import DeploymentOrder, ModelDiagnosis, RollbackOrder, Routed, Versions
from standwatch.fronts.control_overrides import OverrideDone, OverrideOrder, OverridesReport
from standwatch.fronts.control_ports import (
    Check,
    ConfigLine,
    Done,
    PersonLine,
    SignatureOrder,
    Statement,
    ValidationOrder,
)
from standwatch.fronts.control_route import Route
from standwatch.fronts.control_systems import SystemSheet

SYSTEMS: Final[tuple[Route, ...]] = (
    Route(
        "GET",
        "/systems/{system}",
        "system",
        "One system: tools, bounds, components, evidence and what counts of it, versions; now or as of a moment.",
        SystemSheet,
        lambda ops, call: ops.system(call.who, call.names["system"], call.query.get("as_of", "")),
        query=("as_of",),
    ),
    Route(
        "GET",
        "/systems/{system}/coverage",
        "coverage",
        "One system's seams: how its tools' calls come, what goes round them, and how that is known.",
        CoverageSheet,
        lambda ops, call: ops.coverage(call.who, call.names["system"], call.query.get("as_of", "")),
        query=("as_of",),
    ),
    Route(
        "POST",
        "/systems/{system}/coverage",
        "report_coverage",
        "What somebody saw on a host; with a validator's signature, all that goes round there.",
        Done,
        lambda ops, call: ops.report_coverage(call.who, call.names["system"], call.body),
        CoverageOrder,
        made=True,
    ),
    Route(
        "GET",
        "/systems/{system}/statement",
        "statement",
        "What a validator would sign about a system as it stands now, or with another version in front.",
        Statement,
        lambda ops, call: ops.statement(
            call.who, call.names["system"], call.query.get("version", ""), call.query.get("model", "")
        ),
        query=("version", "model"),
    ),
    Route(
        "POST",
        "/systems/{system}/evidence",
        "validate",
        "A validator's signed statement.",
        Done,
        lambda ops, call: ops.validate(call.who, call.names["system"], call.body),
        ValidationOrder,
        made=True,
    ),
    Route(
        "GET",
        "/systems/{system}/versions",
        "versions",
        "Which version of each model answers, since when and by whom; now or as of a moment.",
        Versions,
        lambda ops, call: ops.versions(call.who, call.names["system"], call.query.get("at", "")),
        query=("at",),
    ),
    Route(
        "POST",
        "/systems/{system}/deployments",
        "deploy",
        "Put a version in front, before a part of the requests or beside the front; or take it off again.",
        Routed,
        lambda ops, call: ops.deploy(call.who, call.names["system"], call.body),
        DeploymentOrder,
        made=True,
    ),
    Route(
        "POST",
        "/systems/{system}/rollback",
        "rollback",
        "Back to a former version in one act; what was in front is held.",
        Routed,
        lambda ops, call: ops.rollback(call.who, call.names["system"], call.body),
        RollbackOrder,
        made=True,
    ),
    Route(
        "POST",
        "/decisions/{id}/{row}/override",
        "override",
        "Change the outcome of one decided row, within the conditions of its manifest.",
        OverrideDone,
        lambda ops, call: ops.override(call.who, call.names["id"], call.names["row"], call.body),
        OverrideOrder,
        made=True,
    ),
    Route(
        "GET",
        "/systems/{system}/overrides",
        "overrides",
        "Who overrode how often since a time, by day, and the rows over which people disagree.",
        OverridesReport,
        lambda ops, call: ops.overrides(
            call.who, call.names["system"], call.query.get("since", ""), call.query.get("as_of", "")
        ),
        query=("since", "as_of"),
    ),
)

CONFIGURATION: Final[tuple[Route, ...]] = (
    Route(
        "GET",
        "/people",
        "people",
        "The people of the organisation and their public keys.",
        tuple[PersonLine, ...],
        lambda ops, call: ops.people(call.who),
    ),
    Route(
        "GET",
        "/configuration",
        "configuration",
        "The configuration in force, or the one that waits for signatures.",
        ConfigLine,
        lambda ops, call: ops.configuration(call.who),
    ),
    Route(
        "POST",
        "/configuration/reload",
        "reload",
        "Read the organisation's folder again, and take it up wholly or not at all.",
        ConfigLine,
        lambda ops, call: ops.reload(call.who),
    ),
    Route(
        "POST",
        "/configuration/signatures",
        "sign_configuration",
        "A person's signature over a configuration that waits.",
        ConfigLine,
        lambda ops, call: ops.sign_configuration(call.who, call.body),
        SignatureOrder,
    ),
)

DIAGNOSES: Final[tuple[Route, ...]] = (
    Route(
        "GET",
        "/diagnose",
        "diagnose",
        "What to look at when something is wrong.",
        tuple[Check, ...],
        lambda ops, call: ops.diagnose(call.who),
    ),
    Route(
        "GET",
        "/systems/{system}/diagnosis",
        "diagnose_decisions",
        "When a system's decisions changed since a time, and what changed with them, the likeliest first.",
        tuple[ModelDiagnosis, ...],
        lambda ops, call: ops.diagnose_decisions(
            call.who,
            call.names["system"],
            call.query.get("since", ""),
            call.query.get("model", ""),
            call.query.get("as_of", ""),
        ),
        query=("since", "model", "as_of"),
    ),
)
