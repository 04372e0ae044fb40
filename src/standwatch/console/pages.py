"""Every page of the console, in the order of the navigation. A new page: a module, a template, and a line here."""

from typing import Final

from standwatch.console.approval import APPROVAL, STANDING
from standwatch.console.approvals import APPROVALS
from standwatch.console.diagnosis import DIAGNOSE, DIAGNOSIS
from standwatch.console.explained import ACTION, ACTION_PROOF, DECISION, DECISION_PROOF
from standwatch.console.holds import HOLD, HOLDS
from standwatch.console.overrides import OVERRIDES
from standwatch.console.page import Page
from standwatch.console.record import RECORD
from standwatch.console.relaxations import RELAXATIONS
from standwatch.console.roster import ROSTER, ROSTER_ONE
from standwatch.console.runs import RUN, RUNS
from standwatch.console.sight import SIGHT
from standwatch.console.signing_in import ENROL, SIGN_IN, YOU
from standwatch.console.system import SYSTEM
from standwatch.console.tail import ENTRY, TAIL
from standwatch.console.vigilance import VIGILANCE
from standwatch.console.watch import WATCH

PAGES: Final[tuple[Page, ...]] = (
    WATCH,
    SIGHT,
    SYSTEM,
    APPROVALS,
    APPROVAL,
    STANDING,
    VIGILANCE,
    RELAXATIONS,
    ROSTER,
    ROSTER_ONE,
    HOLDS,
    HOLD,
    TAIL,
    ENTRY,
    RUNS,
    RUN,
    ACTION,
    ACTION_PROOF,
    DECISION,
    DECISION_PROOF,
    DIAGNOSE,
    DIAGNOSIS,
    OVERRIDES,
    RECORD,
    YOU,
    SIGN_IN,
    ENROL,
)
