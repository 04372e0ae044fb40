"""Floor 3: the evidence that is wanted before a version may serve. Pure."""
