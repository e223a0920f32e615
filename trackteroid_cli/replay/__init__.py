"""Replay: one batch to the server, exactly once, and the order of many."""
