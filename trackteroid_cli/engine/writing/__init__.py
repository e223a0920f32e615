"""Creates, updates and deletes, with their defaults, checks and side effects."""
