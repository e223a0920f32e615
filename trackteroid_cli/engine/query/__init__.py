"""Queries: from the words of the query language to entities."""
