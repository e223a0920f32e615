"""Failures: what `requests` says when a server does not answer, as errors of ours.

Some pass by themselves: a server that restarts, a network that is down. Others need a person: an
address, a certificate, a proxy. Those are told apart here.
"""

from __future__ import annotations

import re
import shlex
import socket
import ssl
import time
from collections.abc import Iterator
from datetime import datetime
from http.client import BadStatusLine, RemoteDisconnected
from urllib.parse import urljoin

import requests

from trackteroid_cli import settings
from trackteroid_cli.errors import (
    AnswerLost,
    ServerBusy,
    ServerError,
    ServerUnreachable,
    WrongAddress,
    WrongAnswer,
)
from trackteroid_cli.server.transport import NotJSON, NotSent, Overdue, Redirected, TooLarge

_EXAMPLE = "it looks like https://studio.ftrackapp.com"

#: A secured connection that just ended; any other trouble with TLS stays.
_ENDED = (ssl.SSLEOFError, ssl.SSLSyscallError, ssl.SSLZeroReturnError, ssl.SSLWantReadError)

#: What a system calls a name that is not there; other trouble with names may pass.
_NO_SUCH_NAME = {
    getattr(socket, name) for name in ("EAI_NONAME", "EAI_NODATA") if hasattr(socket, name)
}

#: Statuses below 500 that are about the moment, and not about the request.
_PASSING = frozenset({408, 425})


def explain(url: str, error: requests.RequestException, *, timeout: object = None) -> ServerError:
    """Return why the server *url* gave no answer.

    Args:
        error: what the transport says.
        timeout: seconds for which the server could be silent.
    """
    via = _via(url)
    if isinstance(error, Redirected):
        return _redirected(url, error, via)
    if isinstance(error, NotJSON):
        assert error.response is not None
        return not_ftrack(url, error.response)
    if isinstance(error, TooLarge):
        return WrongAnswer(
            f"{url} gave an answer that is too large",
            why=f"{error}{via}",
            hint=f"ask for less at once; if it has to be, {settings.ANSWER_MEGABYTES} allows more "
            f"megabytes",
        )
    if isinstance(error, Overdue):
        return AnswerLost(
            f"{url} did not answer",
            why=f"{error}{via}",
            hint="run the same command again; what the server already has is not sent twice. "
            f"{settings.ANSWER_SECONDS} allows more seconds",
        )
    if isinstance(error, NotSent):
        return _not_sent(url, error, via)
    if isinstance(error, ValueError) and not isinstance(error, requests.exceptions.InvalidHeader):
        return _wrong_url(url, error, via)
    return _lost(url, error, timeout, via)


def not_ftrack(url: str, response: requests.Response) -> ServerError:
    """Return the error that *response* is not in ftrack's JSON."""
    status = response.status_code
    if status == requests.codes.too_many_requests:
        return ServerBusy(url, retry_after=_seconds(response.headers.get("Retry-After")))
    why = (
        f"HTTP status {status}, {len(response.content)} bytes that are not ftrack's JSON{_via(url)}"
    )
    if status >= requests.codes.server_error or status in _PASSING:
        return AnswerLost(
            f"{url} gave an answer that cannot be read",
            why=why,
            hint="check that FTRACK_SERVER is an ftrack server; if it is, try again later",
        )
    hints = {
        401: "this is not about ftrack's user or key: something before the server wants a login of "
        "its own; ask who runs it",
        403: "this is not about ftrack's user or key: something before the server, such as a "
        "firewall, keeps requests off; ask who runs it",
        407: "correct the user and password of the proxy, where HTTPS_PROXY or HTTP_PROXY is set",
    }
    other = (
        f"correct FTRACK_SERVER: {_EXAMPLE}. If it is right, open it in a browser: the network may "
        "want a login first"
    )
    return wrong_answer(url, why, hints.get(status, other))


def wrong_answer(url: str, why: str, hint: str = "") -> WrongAnswer:
    """Return the error that *url* does not answer as an ftrack server would."""
    return WrongAnswer(
        f"{url} gave an answer that cannot be read",
        why=why,
        hint=hint or "check that FTRACK_SERVER is an ftrack server; if it is, tell who runs it",
    )


def _redirected(url: str, error: Redirected, via: str) -> WrongAnswer:
    response = error.response
    assert response is not None
    goal = _address(response.headers.get("Location", ""), since=f"{url}/api")
    server = goal.removesuffix("/api")
    hint = f"correct FTRACK_SERVER: {_EXAMPLE}"
    if server:
        hint = (
            f"if {server} is your ftrack server, set FTRACK_SERVER={shlex.quote(server)}; if it is "
            "a login of the network, log in with a browser"
        )
    return WrongAnswer(
        f"{url} wants the request to go to {goal or 'another place'}",
        why=f"HTTP status {response.status_code}; the API key and what is sent go nowhere but to "
        f"the server that is configured{via}",
        hint=hint,
    )


def _not_sent(url: str, error: NotSent, via: str) -> ServerUnreachable:
    """Return why nothing of a request could leave."""
    causes = list(_causes(error))
    why = f"{_words(causes[-1])}{via}"
    needs = _needs_a_person(causes, via)
    if needs:
        return WrongAddress(f"cannot reach {url}", why=why, hint=needs, url=url)
    return ServerUnreachable(
        f"cannot reach {url}",
        why=why,
        hint="check the address and the network, then run the same command again",
        url=url,
    )


def _needs_a_person(causes: list[BaseException], via: str) -> str:
    """Return what a person is to do about *causes*; '' where they may pass."""
    for each in causes:
        if isinstance(each, socket.gaierror) and each.errno in _NO_SUCH_NAME:
            where = "the address of the proxy" if via else "FTRACK_SERVER"
            return f"no machine has that name: correct {where}, or join the network that knows it"
        if isinstance(each, ssl.SSLCertVerificationError):
            return (
                "check the address and the clock of this machine; if the certificate is one of "
                "your studio's own, set REQUESTS_CA_BUNDLE to the file of who signed it"
            )
        if isinstance(each, ssl.SSLError) and not isinstance(each, (*_ENDED, TimeoutError)):
            return (
                "what answers there does not speak https as expected: correct FTRACK_SERVER, "
                f"which may need http:// or another port; {_EXAMPLE}"
            )
        refused = re.search(r"Tunnel connection failed: (\d+)", str(each))
        if refused and int(refused[1]) < requests.codes.server_error:
            return (
                "the proxy refuses: correct its address, user and password, where HTTPS_PROXY is "
                "set; or name the server in NO_PROXY if it is in your own network"
            )
    return ""


def _wrong_url(url: str, error: requests.RequestException, via: str) -> WrongAddress:
    why, hint = "that is not the address of a server", f"correct FTRACK_SERVER; {_EXAMPLE}"
    if via and _is_address(url):
        why = f"{_words(error)}{via}"
        hint = "correct the address of the proxy, where HTTPS_PROXY or HTTP_PROXY is set"
    return WrongAddress(f"cannot reach {url}", why=why, hint=hint)


def _is_address(url: str) -> bool:
    try:
        requests.Request("POST", url).prepare()
    except requests.RequestException:
        return False
    return True


def _lost(url: str, error: requests.RequestException, timeout: object, via: str) -> AnswerLost:
    causes = list(_causes(error))
    is_http = not any(
        isinstance(each, BadStatusLine) and not isinstance(each, RemoteDisconnected)
        for each in causes
    )
    if not is_http:
        return wrong_answer(
            url,
            f"what answers there does not speak http{via}",
            f"correct FTRACK_SERVER, which may need https:// or another port; {_EXAMPLE}",
        )
    if isinstance(error, requests.exceptions.ContentDecodingError):
        return wrong_answer(url, f"{_words(causes[-1])}{via}")
    is_silent = isinstance(error, requests.Timeout) or any(
        isinstance(each, TimeoutError) for each in causes
    )
    if is_silent and isinstance(timeout, (int, float)):
        why = f"no answer in {timeout:g} s"
    else:
        why = _words(causes[-1])
    return AnswerLost(
        f"{url} did not answer",
        why=f"{why}{via}",
        hint="run the same command again; what the server already has is not sent twice",
    )


def _causes(error: BaseException) -> Iterator[BaseException]:
    """Yield *error* and what caused it, the innermost last."""
    seen: list[BaseException] = []
    inner: object = error
    while isinstance(inner, BaseException) and inner not in seen:
        seen.append(inner)
        yield inner
        inner = (
            getattr(inner, "reason", None)
            or inner.__cause__
            or inner.__context__
            or next((each for each in inner.args if isinstance(each, BaseException)), None)
        )


def _words(error: BaseException) -> str:
    """Return what happened, in the system's or the library's own words."""
    return (
        getattr(error, "verify_message", None)
        or getattr(error, "strerror", None)
        or str(error)
        or type(error).__name__
    )


def _via(url: str) -> str:
    """Return words about the proxy that requests to *url* go through; '' without one."""
    from requests.utils import get_environ_proxies, select_proxy

    try:
        proxy = select_proxy(url, get_environ_proxies(url))
    except ValueError:
        return ""  # the address of the server is at fault
    if not proxy:
        return ""
    address = _address(proxy if "://" in proxy else f"http://{proxy}")
    return f", through the proxy {address or 'whose address cannot be read'}"


def _address(url: str, *, since: str = "") -> str:
    """Return *url* as it can be shown: without credentials, and without what follows a '?'.

    Args:
        since: the address that it is relative to.
    """
    try:
        return settings.normalise_url(urljoin(since, url))
    except ValueError:
        return ""


def _seconds(retry_after: str | None) -> float | None:
    """Return how long a Retry-After header wants us to wait; it may also name a moment."""
    if retry_after is None:
        return None
    try:
        return max(0.0, float(retry_after))
    except ValueError:
        moment = http_date(retry_after)
        return None if moment is None else max(0.0, moment.timestamp() - time.time())


def http_date(text: str) -> datetime | None:
    """Return the moment that a header tells, in UTC if it says no zone; None where it is none."""
    from datetime import timezone
    from email.utils import parsedate_to_datetime

    try:
        moment = parsedate_to_datetime(text)
    except (TypeError, ValueError, OverflowError, IndexError):  # by the version of Python
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=timezone.utc)
