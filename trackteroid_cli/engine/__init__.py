"""The embedded ftrack: schema, store, query language, actions. Knows no room above."""
