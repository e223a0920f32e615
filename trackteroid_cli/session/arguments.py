"""Constructor arguments of a session: bound to their names, and completed from the settings."""

from __future__ import annotations

import functools
import inspect
import os
from contextlib import suppress
from typing import Any, TypeAlias

from trackteroid_cli import settings
from trackteroid_cli.files import kept_folder
from trackteroid_cli.session.api.merging import FtrackSession

#: Arguments by name, with values of any type that ``ftrack_api.Session`` takes.
Arguments: TypeAlias = dict[str, Any]


@functools.cache
def session_signature() -> inspect.Signature:
    """Return the signature of our session: that of ``ftrack_api.Session``, and our arguments."""
    signature = inspect.signature(FtrackSession)
    added = [
        inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=None)
        for name in ("offline", "without_pending", "reuse_query_results")
    ]
    return signature.replace(parameters=[*signature.parameters.values(), *added])


def bind_arguments(args: tuple[object, ...], kwargs: dict[str, object]) -> Arguments:
    """Return all arguments by name, also those that were given by position.

    Raises:
        TypeError: a session has no such argument.
    """
    return dict(session_signature().bind(*args, **kwargs).arguments)


def complete_arguments(given: Arguments) -> Arguments:
    """Return the arguments with the settings of this machine in place of those not given.

    ``ftrack_api`` reads the server from the environment alone, and needs a cache folder that
    exists.

    Raises:
        NotConfigured: no server is set, or no key for it.
    """
    arguments = dict(given)
    for name, from_environment in (
        ("offline", settings.is_offline),
        ("without_pending", settings.is_without_pending),
    ):
        flag = arguments.get(name)
        arguments[name] = from_environment() if flag is None else bool(flag)
    found = settings.lookup(
        url=arguments.get("server_url") or "",
        user=arguments.get("api_user") or "",
        key=arguments.get("api_key") or "",
        offline=arguments["offline"],
    )
    if arguments["offline"] or not (found.url and found.key):
        settings.as_server(found)  # reports what is missing
    for name, setting in (
        ("server_url", found.url),
        ("api_user", found.user),
        ("api_key", found.key),
    ):
        if arguments.get(name) is None and setting:
            arguments[name] = setting.value
    cache = arguments.get("schema_cache_path")
    if found.url and cache is None and not os.environ.get("FTRACK_API_SCHEMA_CACHE_PATH"):
        with suppress(OSError):  # without a folder of ours, ftrack_api has one of its own
            arguments["schema_cache_path"] = str(
                kept_folder("cache", settings.folder_name(found.url.value))
            )
    return arguments
