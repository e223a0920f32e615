"""Queries of an online recording, answered with what the recording has committed so far."""
