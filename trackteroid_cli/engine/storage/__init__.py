"""Storage: tables, values and SQL."""
