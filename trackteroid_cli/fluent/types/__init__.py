"""Entity types, and the relations between them."""
