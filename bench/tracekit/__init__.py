"""A public corpus of tool calls, harmful and harmless, before a real Standwatch with one manifest."""
