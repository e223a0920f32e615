"""A replica in place of the server."""
