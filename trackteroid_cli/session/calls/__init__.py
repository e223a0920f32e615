"""Calls: what a script asks of the server at once, and what a recording refuses of it."""
