"""What comes to the engine over the network or from the adapter in process."""
