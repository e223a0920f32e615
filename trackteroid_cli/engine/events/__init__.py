"""The event hub: who is connected, what each hears, and what the server tells of changes."""
