"""Floor 4: outgoing clients. Thin edges towards servers that are untrusted until locked."""
