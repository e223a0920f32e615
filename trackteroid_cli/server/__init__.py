"""The server: connections, queries, trying again, and servers that are embedded."""
