"""How much generated tests try: a part of it by default, all of it with ``--generated=large``.

Every run draws other examples, so that what a small one misses a later one finds.
"""

from __future__ import annotations

import hypothesis

#: The sizes that can be chosen, the default first.
SIZES = ("small", "large")

#: The part that a small run tries.
_PART = 5

_large = False


def choose(size: str) -> None:
    """Let the tests that are loaded from now on try as much as *size* says."""
    global _large
    _large = size == "large"
    # For the tests that name no number of examples; the larger one is the library's own.
    hypothesis.settings.register_profile("small", max_examples=part(100))
    hypothesis.settings.load_profile("default" if _large else "small")


def part(number: int, *, least: int = 1) -> int:
    """Return how many of *number* examples or seeds to try, and no fewer than *least*."""
    return number if _large else max(least, number // _PART)
