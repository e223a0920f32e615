"""The start of a Python process of a recorded run, which Python imports as its folder is named.

It can be read by any Python. The user's own module of this name, behind this one, runs as well.
"""

import os
import sys


def _begin():  # type: () -> None
    """Let ftrack sessions of this process record."""
    if sys.version_info < (3, 7):  # noqa: UP036
        # ftrack_api would write to the server: it cannot be imported then.
        sys.modules["ftrack_api"] = None  # type: ignore[assignment]
        return
    import trackteroid_start  # type: ignore[import-not-found]

    trackteroid_start.begin(os.environ["TRACKTEROID_RECORDING"])


def _import_the_next():  # type: () -> None
    """Import the module that this one stands before, if there is one."""
    import importlib

    folder = os.path.dirname(__file__)  # noqa: PTH120
    sys.path[:] = [each for each in sys.path if each != folder]
    ours = sys.modules.pop(__name__, None)
    try:
        importlib.import_module(__name__)
    except ImportError as error:
        if getattr(error, "name", __name__) != __name__:
            raise
        if ours is not None:
            sys.modules[__name__] = ours


if __name__ == "sitecustomize":  # not if somebody imports it by its full name
    if os.environ.get("TRACKTEROID_RECORDING"):
        _begin()
    _import_the_next()
