"""Floor 1: the record. What an entry is, how entries hash, prove and fold into state. Pure."""
