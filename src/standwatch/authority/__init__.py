"""Floor 2: what a system may do alone, computed from live evidence that decays. Pure."""
