"""Pulling: fill a replica from a server, and bring it up to date."""
