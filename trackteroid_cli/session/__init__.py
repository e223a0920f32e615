"""The ftrack session that defers its operations."""
