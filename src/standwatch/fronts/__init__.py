"""Floor 4: the fronts, where agents and operators reach us. Thin edges; what is decided is decided below."""
