"""Floor 5: the composition root, the only place that knows everything."""
