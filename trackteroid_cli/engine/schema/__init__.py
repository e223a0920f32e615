"""Schemas: the entity types of a server and their attributes."""
