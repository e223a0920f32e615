"""What an action is given: the request, and its own operation."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple, TypeAlias

from trackteroid_cli.engine.media.media import Media
from trackteroid_cli.engine.storage.errors import ValidationError
from trackteroid_cli.engine.writing.transaction import Transaction

#: An operation as a client sends it, with an action that there is; nothing else of it is checked.
Operation: TypeAlias = dict[str, object]

#: Returns the result of an operation, once all operations of the request are done.
Answer: TypeAlias = Callable[[], object]


class Caller(NamedTuple):
    """The user of a request; *has_global_key* means that their key works for every user."""

    id: str
    username: str
    first_name: str | None
    last_name: str | None
    has_global_key: bool


@dataclass(frozen=True, slots=True)
class Request:
    """The context that all operations of one request share."""

    transaction: Transaction
    caller: Caller
    server_url: str
    strict: bool
    #: The bytes of components, for actions that are about them.
    media: Media | None = None

    def files(self) -> Media:
        """Return the bytes of components.

        Raises:
            ValidationError: this server keeps none.
        """
        if self.media is None:
            raise ValidationError("This server keeps no files.")
        return self.media


class Action(NamedTuple):
    """How an action is carried out, whether it may change the database, and is about files."""

    run: Callable[[Request, Operation], Answer]
    writes: bool = False
    about_files: bool = False


def text(operation: Operation, name: str) -> str:
    """Return the text *name* of *operation*.

    Raises:
        ValidationError: it is missing, or no text.
    """
    value = operation.get(name)
    if not isinstance(value, str):
        raise ValidationError(f'The "{name}" of an operation is text. Got "{value}"')
    return value
