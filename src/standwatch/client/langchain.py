"""LangChain's agents: every tool call is judged, and the run paused while a person is asked.

    watch = Standwatch(client, "payments-agent", server="bank")
    agent = create_agent(model, tools, middleware=[watch], checkpointer=...)

The middleware is `standwatch.client.langgraph`'s, which says how runs are paused, resumed and begun again. It stands
after middleware that changes calls, and before what tries again, so that the attempts are one act. Needs `langchain`.
"""

from __future__ import annotations

from typing import Any

from langchain.agents.middleware.types import AgentMiddleware

from standwatch.client import langgraph
from standwatch.client.langgraph_pausing import resuming

__all__ = ["Standwatch", "resuming"]


class Standwatch(langgraph.Standwatch, AgentMiddleware[Any, Any, Any]):
    """Middleware for `create_agent`: as `standwatch.client.langgraph.Standwatch`."""

    alone = True
