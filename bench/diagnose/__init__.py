"""Faults put into realistic traffic, and whether `diagnose` names them. The detector knows nothing of this package."""
