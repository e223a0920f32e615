"""A folder for ``PYTHONPATH``: what it holds is run by Python when it starts."""
