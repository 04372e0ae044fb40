"""Floor 4: signatures, credentials and the keys that seal payloads, as files that only their owner can read."""
