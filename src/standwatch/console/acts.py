"""What forms do: each calls an operation of the API and says where to go next (303, so that reload is harmless)."""

from __future__ import annotations

from typing import Final

from standwatch.console.approvals import DEFERRED_ACTS
from standwatch.console.form import Act
from standwatch.console.holds import HOLD_ACTS
from standwatch.console.overrides import OVERRIDE_ACTS
from standwatch.console.record import RECORD_ACTS
from standwatch.console.relaxations import RELAXATION_ACTS
from standwatch.console.roster import ROSTER_ACTS
from standwatch.console.signing_in import ACCOUNT_ACTS
from standwatch.console.system import SYSTEM_ACTS

ACTS: Final[tuple[Act, ...]] = (
    *HOLD_ACTS,
    *SYSTEM_ACTS,
    *DEFERRED_ACTS,
    *RECORD_ACTS,
    *OVERRIDE_ACTS,
    *RELAXATION_ACTS,
    *ROSTER_ACTS,
    *ACCOUNT_ACTS,
)
"""Every form. A new one: a function in its page's module, and a line here."""
