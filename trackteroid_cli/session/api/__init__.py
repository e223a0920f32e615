"""The objects of ``ftrack_api`` that sessions work with: operations, entities, values."""
