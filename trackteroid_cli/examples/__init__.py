"""Scripts that `trackteroid demo` records. They know nothing of this package."""
