"""Floor 4: who is told of what happens, and how it reaches them. Nothing here can hold up an action."""
