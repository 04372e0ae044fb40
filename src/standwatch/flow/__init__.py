"""Floor 2: where the values of an action come from: the task, what tools returned, or nowhere. Pure.

`trail.Trail` is one run's memory: it learns every `Read` and tells the `Origin` of any value. `path` is the JSONPath
by which a manifest names fields of results; `intent` says whether a task speaks of an act.
"""
