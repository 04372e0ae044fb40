"""Standwatch: the standing watch over the AI that an organisation deploys."""

__version__ = "0.1.0"
