"""Data doors: what an agent does to a database goes through a driver that asks first.

A door reads a statement, has the database say what it would touch and about how much, asks the passage (`/v1/actions`)
with that, runs it in one transaction, and counts before COMMIT what was really touched.
"""
