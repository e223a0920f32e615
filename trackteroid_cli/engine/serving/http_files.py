"""The addresses of files over HTTP: bodies come and go in pieces, none is whole in memory."""

from __future__ import annotations

import asyncio
import io
from collections.abc import AsyncIterator, Callable
from concurrent.futures import Executor
from typing import TYPE_CHECKING, TypeVar

from trackteroid_cli.engine.engine import Engine
from trackteroid_cli.engine.serving.files import (
    PLACEHOLDER,
    UPLOAD,
    FileAnswer,
    FileRequest,
    begin_upload,
    end_upload,
    placeholder,
    refused,
    respond,
    take,
)
from trackteroid_cli.engine.storage.errors import EngineError

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response
    from starlette.routing import Route

T = TypeVar("T")

#: Bytes of an answer that are read at a time.
_CHUNK = 1 << 18

#: Bytes of a refused body that are read on, so that its sender comes to read the refusal.
_PATIENCE = 1 << 26


def routes(engine: Engine, pool: Executor) -> list[Route]:
    """Return the routes of the files of *engine*; what blocks is done in *pool*."""
    from starlette.responses import Response, StreamingResponse
    from starlette.routing import Route

    async def in_pool(work: Callable[..., T], *args: object) -> T:
        return await asyncio.get_running_loop().run_in_executor(pool, work, *args)

    async def chunks(answer: FileAnswer) -> AsyncIterator[bytes]:
        try:
            while data := await in_pool(answer.body.read, _CHUNK):
                yield data
        finally:
            answer.body.close()

    def response(answer: FileAnswer) -> Response:
        if isinstance(answer.body, io.BytesIO):
            return Response(answer.body.getvalue(), answer.status, answer.headers)
        return StreamingResponse(chunks(answer), answer.status, answer.headers)

    def asked_for(request: Request) -> FileRequest:
        action = request.path_params.get("action", "")
        return FileRequest(
            request.method, action, dict(request.query_params), dict(request.headers)
        )

    async def answered(request: Request) -> Response:
        asked = asked_for(request)
        if asked.action != UPLOAD:
            return response(await in_pool(respond, engine, asked))
        try:
            return response(await received(request, asked))
        except EngineError as error:
            await _read_on(request)
            if "part" in asked.query:
                return _broken(error.status)
            return response(refused(error))

    async def received(request: Request, asked: FileRequest) -> FileAnswer:
        upload = await in_pool(begin_upload, engine, asked)
        try:
            async for data in request.stream():
                if data:
                    await in_pool(take, engine, upload, data)
            return await in_pool(end_upload, engine, upload)
        finally:
            await asyncio.shield(in_pool(upload.discard))

    async def file(request: Request) -> Response:
        from starlette.requests import ClientDisconnect

        try:
            return await answered(request)
        except ClientDisconnect:
            return Response(status_code=400)  # nobody is there to read it

    async def no_picture(request: Request) -> Response:
        return response(placeholder(asked_for(request)))

    methods = ["GET", "HEAD", "PUT", "POST", "DELETE", "PATCH"]  # refused in ftrack's form
    return [
        Route("/component/{action}", file, methods=methods),
        Route(PLACEHOLDER, no_picture, methods=["GET"]),
    ]


async def _read_on(request: Request) -> None:
    """Read what is left of a body that was refused."""
    size = 0
    try:
        async for data in request.stream():
            size += len(data)
            if size > _PATIENCE:
                return
    except RuntimeError:
        return  # all of it was read


def _broken(status: int) -> Response:
    """Return a response that ends early, for the part of an upload.

    The uploader of ftrack's JavaScript client waits for ever when a part is answered with an error,
    and tells its caller when the connection breaks.
    """
    from starlette.responses import Response

    return Response(status_code=status, headers={"Content-Length": "1", "Connection": "close"})
