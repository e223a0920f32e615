"""The embedded ftrack: schema, store, query language, actions. Imports nothing from the rooms above."""
