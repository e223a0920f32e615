"""Settings: where local state lives, and which server is meant.

Everything comes from environment variables: ftrack's own ``FTRACK_SERVER``, ``FTRACK_API_KEY`` and
``FTRACK_API_USER``, and ``TRACKTEROID_HOME`` for the local state.
"""

from __future__ import annotations

import getpass
import os
from collections.abc import MutableMapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

from trackteroid_cli.errors import NotConfigured

#: URLs of servers that run inside this process.
SANDBOX_SCHEME = "sandbox://"

#: What ``--sandbox`` stands for.
DEMO_SANDBOX = f"{SANDBOX_SCHEME}demo"

#: The sandbox holds invented data and answers only on this machine, so its key is no secret.
SANDBOX_KEY = "demo-key"
SANDBOX_USER = "demo"


@dataclass(frozen=True, slots=True)
class Server:
    """A server, and who we are there."""

    url: str
    api_user: str
    api_key: str = field(repr=False)


def home() -> Path:
    """Return the folder of all local state."""
    configured = os.environ.get("TRACKTEROID_HOME")
    if configured:
        return Path(configured).expanduser().absolute()
    import platformdirs

    return Path(platformdirs.user_data_path("trackteroid", appauthor=False))


def user_name() -> str:
    """Return who we are on this machine; the number of a user whom it has no name for."""
    try:
        return getpass.getuser()
    except (ImportError, KeyError, OSError):  # by the version of Python
        return str(os.getuid()) if hasattr(os, "getuid") else "unknown"


def is_sandbox(url: str) -> bool:
    """Return whether *url* names a sandbox in this process."""
    return url.startswith(SANDBOX_SCHEME)


def normalise_url(url: str) -> str:
    """Return *url* as two mentions of one server compare equal: no credentials, no final slash."""
    from urllib.parse import urlsplit, urlunsplit

    parts = urlsplit(url.strip())
    location = parts.netloc.rpartition("@")[2].lower()
    return urlunsplit((parts.scheme.lower(), location, parts.path.rstrip("/"), "", ""))


def server() -> Server:
    """Return the server that the environment names.

    A sandbox needs no key and no user: it has its own.

    Raises:
        NotConfigured: a variable is missing, or makes no sense; the message says which.
    """
    url = os.environ.get("FTRACK_SERVER", "").strip()
    key = os.environ.get("FTRACK_API_KEY") or os.environ.get("FTRACK_APIKEY") or ""
    user = os.environ.get("FTRACK_API_USER", "")
    if is_sandbox(url):
        name = url.removeprefix(SANDBOX_SCHEME).rstrip("/")
        return Server(f"{SANDBOX_SCHEME}{name}", user or SANDBOX_USER, key or SANDBOX_KEY)
    missing = [
        name for name, value in (("FTRACK_SERVER", url), ("FTRACK_API_KEY", key)) if not value
    ]
    if missing:
        raise NotConfigured(
            "no ftrack server is configured",
            why=f"{' and '.join(missing)} {'is' if len(missing) == 1 else 'are'} not set",
            hint="set FTRACK_SERVER, FTRACK_API_KEY and FTRACK_API_USER, "
            "or add --sandbox before the command to try it on demo data",
        )
    if not url.startswith(("http://", "https://")):
        raise NotConfigured(
            f"{url!r} is not the address of a server",
            why=f"it begins with neither http:// nor https:// nor {SANDBOX_SCHEME}",
            hint="correct FTRACK_SERVER; it looks like https://studio.ftrackapp.com",
        )
    return Server(url.rstrip("/"), user or user_name(), key)


def select_sandbox(environ: MutableMapping[str, str]) -> None:
    """Make the demo sandbox the server of this process and of every script that it runs."""
    environ["FTRACK_SERVER"] = DEMO_SANDBOX
    environ["FTRACK_API_KEY"] = SANDBOX_KEY
    environ["FTRACK_API_USER"] = SANDBOX_USER


def cache_folder(server_url: str) -> Path:
    """Return (and make) the folder where answers of *server_url* that seldom change are kept.

    Where the local state cannot be written, that is a folder which goes when the process ends.
    """
    import re

    slug = re.sub(r"[^A-Za-z0-9.-]+", "_", normalise_url(server_url))
    folder = home() / "cache" / slug
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError:
        return _passing_folder()
    return folder if os.access(folder, os.W_OK) else _passing_folder()


@cache
def _passing_folder() -> Path:
    import atexit
    import shutil
    import tempfile

    folder = Path(tempfile.mkdtemp(prefix="trackteroid-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return folder
