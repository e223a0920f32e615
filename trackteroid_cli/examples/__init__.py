"""Scripts that `trackteroid demo` records. They do not import this package."""
