"""The event hub of a server, as a client sees it."""
