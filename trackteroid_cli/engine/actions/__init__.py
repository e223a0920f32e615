"""The actions of ftrack's API: what the operations of a request ask for."""
