"""The scripting API: queries by criteria, and collections of what they find."""
