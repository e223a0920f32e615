"""What a batch brings besides its operations: bytes to upload before, and follow-ups behind."""
