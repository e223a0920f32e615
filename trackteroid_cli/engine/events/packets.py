"""Packets of Socket.IO 0.9, as the official clients send and read them: ``code:id:path:data``.

A packet that the server sends has no id, and its codes are 0 to 7: the clients read no others.

Source: ``ftrack_api/event/hub.py``, ``_receive_packet`` and ``_handle_packet``; ``@ftrack/api``,
``source/simple_socketio.ts``.
"""

from __future__ import annotations

import json
import re
from typing import Any, Final, NamedTuple, NoReturn

CONNECTED: Final = "1::"
DISCONNECT: Final = "0::"
HEARTBEAT: Final = "2::"

#: How deep the JSON of an event may nest: the Python client hears nothing more after an event that
#: it cannot read.
MAX_NESTING: Final = 100

#: The name of every event that the clients send.
_EVENT_NAME: Final = "ftrack.event"

_PACKET: Final = re.compile(r"([0-8])(?::(?:(\d{1,18})\+?)?(?::([^:]*)(?::(.*))?)?)?", re.DOTALL)


class NotAPacket(ValueError):
    """A message that is no packet of a client, or one whose event cannot be read."""


class Packet(NamedTuple):
    """A packet; the client wants to be told what became of one with an *id*."""

    code: str
    id: str
    data: str


def read(message: str) -> Packet:
    """Return the packet in *message*.

    Raises:
        NotAPacket: it holds none.
    """
    found = _PACKET.fullmatch(message)
    if found is None:
        raise NotAPacket("a packet is code:id:path:data, with a code of 0 to 8")
    code, id_, _, data = found.groups()
    return Packet(code, id_ or "", data or "")


def read_event(data: str) -> dict[str, Any]:
    """Return the event in the data of a packet.

    Raises:
        NotAPacket: there is not exactly one, or it is not as the clients read events.
    """
    try:
        payload = json.loads(data, parse_constant=_refuse_constant)
    except (ValueError, RecursionError) as error:
        raise NotAPacket(f"the data of an event is JSON, and cannot be read: {error}") from None
    if data.count("[") + data.count("{") > MAX_NESTING and _nests_deeper(payload, MAX_NESTING):
        raise NotAPacket(f"the data of an event nests more than {MAX_NESTING} deep")
    match payload:
        case {"name": name, "args": [dict() as event]} if name == _EVENT_NAME:
            pass
        case _:
            raise NotAPacket(f"an event has the name {_EVENT_NAME}, and one object as its args")
    for name, types in (("topic", str), ("target", str | None), ("source", dict | None)):
        if not isinstance(event.get(name), types):
            raise NotAPacket(f"the {name} of an event is missing, or not of its type")
    return event


def write_event(event: dict[str, Any]) -> str:
    """Return the packet that carries *event*.

    Raises:
        NotAPacket: a number in it is too large for JSON.
    """
    payload = {"name": _EVENT_NAME, "args": [event]}
    try:
        data = json.dumps(payload, separators=(",", ":"), allow_nan=False)
    except ValueError as error:
        raise NotAPacket(f"the event cannot be passed on: {error}") from None
    return f"5:::{data}"


def write_answer(packet_id: str, problem: str = "") -> str:
    """Return the packet that tells what became of another: all is well, or what the *problem* is.

    The clients read a list of exactly one object.
    """
    answer = {"success": False, "message": problem} if problem else {"success": True}
    return f"6:::{packet_id}+{json.dumps([answer])}"


def write_error(problem: str) -> str:
    """Return the packet that tells of something that is no packet."""
    return f"7:::{problem}"


def _nests_deeper(value: object, levels: int) -> bool:
    """Return whether *value* has more than so many levels of lists and objects."""
    level = [value]
    for _ in range(levels + 1):
        level = [
            inner
            for outer in level
            if isinstance(outer, (dict, list))
            for inner in (outer.values() if isinstance(outer, dict) else outer)
        ]
    return bool(level)


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is no number of JSON")
