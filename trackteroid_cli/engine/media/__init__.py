"""The bytes of components: files by digest beside the database, and which component has which."""
