"""The files of sandboxes: where they are, what they were made as, and how they are made."""
