"""Recording: a program run with every session deferred."""
