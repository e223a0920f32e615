"""The errors that the engine returns to clients, in ftrack's own form.

* EngineError
  - InvalidCredentials    the key is not valid for the user
  - UnknownAction         no such action
  - ParseError            an expression cannot be read, or names what the schema does not have
  - ValidationError       a value, attribute or entity is not acceptable
  - DuplicateEntryError   a value that must be unique is taken
  - PermissionDenied      not allowed
  - NotFound              there is nothing at an address
  - MissingPackage        the server lacks a package that this needs
"""

from __future__ import annotations


class EngineError(Exception):
    """Base class: a request that the server refuses.

    ftrack sends one JSON object, however many operations the request has:
    ``{"exception": kind, "content": text, "error_code": code}``.
    """

    kind = "ServerError"
    code: str | None = None
    status = 500

    def __init__(self, content: str) -> None:
        super().__init__(content)
        self.content = content

    def payload(self) -> dict[str, str | None]:
        """Return ftrack's error object."""
        return {"exception": self.kind, "content": self.content, "error_code": self.code}


class InvalidCredentials(EngineError):
    """The API key is not valid for the user."""

    kind = "InvalidCredentialsError"
    code = "api_credentials_invalid"
    status = 401

    def __init__(self) -> None:
        super().__init__(
            "The supplied API key is not valid. "
            "Send a valid key and user in the headers ftrack-api-key and ftrack-user."
        )


class UnknownAction(EngineError):
    """The request names an action that the server does not have.

    ``ftrack_api`` recognises the wording, ``u`` included, as "this server is too old".
    """

    kind = "ValueError"
    status = 400

    def __init__(self, action: object) -> None:
        super().__init__(f"Invalid action u'{action}'")


class ParseError(EngineError):
    """An expression cannot be read, or names something that the schema does not have."""

    kind = "ParseError"
    status = 400


class ValidationError(EngineError):
    """A value, an attribute or an entity is not acceptable."""

    kind = "ValidationError"
    status = 400


class DuplicateEntryError(EngineError):
    """A value that must be unique is taken."""

    kind = "DuplicateEntryError"
    status = 400


class PermissionDenied(EngineError):
    """The user may not do this."""

    kind = "PermissionError"
    status = 403


class NotFound(EngineError):
    """There is nothing at an address of a file."""

    kind = "NotFoundError"
    status = 404


class MissingPackage(EngineError):
    """The server lacks a package that this needs."""

    status = 501
