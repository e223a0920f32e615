"""Delivery: what a batch brings besides its operations, before them and behind them."""
