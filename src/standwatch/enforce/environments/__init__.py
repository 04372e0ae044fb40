"""Where an act reaches: what its words say of hosts, branches, namespaces and accounts, and which environment that is.

What an act says is read without knowing any environment (`Claims`), then held against the declared patterns (`reach`).
An environment is reached where any word names it; what decides where a command goes and is not said is told as such, so
that it counts for the strictest.
"""
