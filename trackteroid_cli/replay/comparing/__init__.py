"""Comparing a batch with what the server of a commit holds."""
