"""Schemas: which types there are, and what they have."""
