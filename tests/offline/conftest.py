"""Fixtures for offline tests: a replica of one project, and a command line without a network."""

from __future__ import annotations

import functools
import shutil
import subprocess

import pytest

from tests.support.command_line import CommandLine
from tests.support.servers import Server

#: The project that is pulled, and the one that is not.
PULLED, NOT_PULLED = "salt_and_ember", "brightwater"


@functools.cache
def _cut_off() -> tuple[str, ...]:
    """Return the command that runs another without a network, not even a loopback."""
    unshare = shutil.which("unshare")
    for options in (("-n",), ("-rn",)):
        if unshare and not subprocess.run([unshare, *options, "true"], check=False).returncode:
            return (unshare, *options)
    pytest.skip("no network namespace can be made here")


class Offline(CommandLine):
    """The command line in a network namespace without a route, which no packet can leave."""


@pytest.fixture
def pulled(connected: CommandLine) -> CommandLine:
    """The command line, with a replica of one project of `server`."""
    finished = connected("replica", "pull", "--project", PULLED)
    assert finished.returncode == 0, finished.stderr
    return connected


@pytest.fixture
def offline(pulled: CommandLine, server: Server) -> Offline:
    """The command line with that replica, without a network and without a key."""
    return Offline(
        pulled.folder,
        pulled.fork_servers,
        {"FTRACK_SERVER": server.url, "FTRACK_API_USER": "demo", "TRACKTEROID_OFFLINE": "1"},
        _cut_off(),
    )
