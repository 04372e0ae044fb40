"""The operators' API as a table: what is served, what the OpenAPI document says, and what tests walk through."""

from typing import Final

from standwatch.fronts.control_route import Route
from standwatch.fronts.control_routes_access import PASSKEYS, SESSIONS
from standwatch.fronts.control_routes_approvals import BUDGET, QUESTIONS, SIGNING
from standwatch.fronts.control_routes_holds import CHANNELS, HOLDS
from standwatch.fronts.control_routes_keeping import GLASSES, RELAXATIONS, WATCHES
from standwatch.fronts.control_routes_record import RECORD
from standwatch.fronts.control_routes_systems import CONFIGURATION, DIAGNOSES, SYSTEMS

ROUTES: Final[tuple[Route, ...]] = (
    *HOLDS,
    *QUESTIONS,
    *SESSIONS,
    *PASSKEYS,
    *SYSTEMS,
    *RELAXATIONS,
    *CHANNELS,
    *BUDGET,
    *GLASSES,
    *WATCHES,
    *SIGNING,
    *CONFIGURATION,
    *RECORD,
    *DIAGNOSES,
)
"""Every route, in the order of the document. A new one: a row of the table of its area."""
