"""Every page of the console, in the order of the navigation. A new page: a module, a template, and a line here."""

from typing import Final

from standwatch.console.approval import APPROVAL, STANDING
from standwatch.console.approvals import APPROVALS
from standwatch.console.page import Page
from standwatch.console.signing_in import ENROL, SIGN_IN, YOU
from standwatch.console.watch import WATCH

PAGES: Final[tuple[Page, ...]] = (WATCH, APPROVALS, APPROVAL, STANDING, YOU, SIGN_IN, ENROL)
