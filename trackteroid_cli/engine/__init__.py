"""The embedded ftrack: schema, store, query language, actions. It imports no room above."""
