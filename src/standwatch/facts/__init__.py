"""Floor 0: what the house talks about. Frozen structs, ids, canonical bytes, errors; no behaviour beyond that."""
