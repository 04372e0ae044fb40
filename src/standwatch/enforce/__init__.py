"""Floor 3: the one passage every action goes through, and the checks it runs. Pure."""
