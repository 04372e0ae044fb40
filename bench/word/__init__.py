"""The agent's word against the record: how often what is found is right, on sentences of our own."""
