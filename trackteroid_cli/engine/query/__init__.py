"""Queries: expressions of the query language, parsed, translated to SQL and answered."""
