"""Floor 3: a human's order or a finding → the entry that stops something, or starts it again. Pure."""
