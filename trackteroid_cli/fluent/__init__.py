"""The scripting API: queries by criteria, and collections of the entities that they find."""
