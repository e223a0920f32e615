"""Recordings: batches in the making, as places on disk that processes append to."""
