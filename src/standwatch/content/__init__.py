"""What stands in a text: secrets, identifiers, canaries, shapes of exfiltration, instructions. Linear time. Pure."""
