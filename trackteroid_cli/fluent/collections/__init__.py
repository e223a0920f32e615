"""Collections: entities that are read, assigned, created and linked together."""
