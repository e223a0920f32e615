"""Writes: creates, updates and deletes, with what follows from them."""
