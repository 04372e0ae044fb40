"""What operators can do, whatever they hold in their hands: the CLI, the API and the console are skins over this.

Rights are decided in `respond` and `gate`, signatures verified in `control_evidence`; here things are put together,
and appended through the one gate. The areas are `serve.operations_*`; `fronts.control_ports.Operations` is the
contract.
"""

from functools import cached_property

from standwatch.fronts.control_ports import Actor
from standwatch.fronts.control_signing import SigningAsked, SigningDone, SigningOrder
from standwatch.serve.control_signing import Signing
from standwatch.serve.operations import somebody
from standwatch.serve.operations_access import Access
from standwatch.serve.operations_approvals import Approvals
from standwatch.serve.operations_orders import Orders
from standwatch.serve.operations_overview import Overview
from standwatch.serve.operations_reading import Reading


class Control(Access, Overview, Approvals, Orders, Reading):
    """Operations on one organisation. Times in µs UTC; every error is a `StandwatchError`."""

    @cached_property
    def signing(self) -> Signing:
        """What takes a passkey's signature for any order: it gives the order here, as its person would."""
        return Signing(self, self._gate, self._chance)

    async def ask_signature(self, who: Actor, order: SigningOrder) -> SigningAsked:
        """What a passkey must sign, as a browser wants it."""
        return await self.signing.ask(somebody(who), order)

    async def sign_by_passkey(self, who: Actor, order: SigningOrder) -> SigningDone:
        """Take what a browser signed with a passkey."""
        return await self.signing.take(somebody(who), order)
