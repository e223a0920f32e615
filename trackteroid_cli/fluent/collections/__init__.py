"""Collections of entities."""
