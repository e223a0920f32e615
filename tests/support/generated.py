"""How much generated tests try: a part of it by default, all of it with ``--generated=large``.

Every run draws other examples, so that what a small one misses a later one finds.
"""

from __future__ import annotations

import os
import random
from collections.abc import Sequence
from typing import TypeVar

import hypothesis

T = TypeVar("T")

#: The sizes that can be chosen, the default first.
SIZES = ("small", "large")

#: The part that a small run tries.
_PART = 8

_large = False


def choose(size: str) -> None:
    """Let the tests that are loaded from now on try as much as *size* says."""
    global _large
    _large = size == "large"
    # For the tests that name no number of examples; the larger one is the library's own.
    hypothesis.settings.register_profile("small", max_examples=part(100))
    hypothesis.settings.load_profile("default" if _large else "small")


def some(cases: Sequence[T]) -> list[T]:
    """Return the cases to try: in a small run half of them, the same ones in all of its workers."""
    if _large:
        return list(cases)
    chosen = random.Random(os.environ.get("PYTEST_XDIST_TESTRUNUID"))
    return [cases[place] for place in sorted(chosen.sample(range(len(cases)), -(-len(cases) // 2)))]


def part(number: int, *, least: int = 1) -> int:
    """Return how many of *number* examples or seeds to try, and no fewer than *least*."""
    return number if _large else max(least, number // _PART)
