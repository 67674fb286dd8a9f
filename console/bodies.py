"""How much a request may bring, and how long that may take."""

import asyncio
from collections.abc import Sequence
from http import HTTPStatus

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from console.problems import Refusal, answer

MIB = 1024 * 1024
PHOTOS = ("/photos", "/photo")
"""How the paths end that take a photo."""
CLOSE = {"Connection": "close"}
"""What such a request still sends is not read."""


class SmallBodies:
    """ASGI middleware: refuses what is too large (413) or comes too slowly (408), however it is
    sent, before anybody reads it whole. Also a Host that is not one of `hosts`, where those are
    given: whoever makes a browser ask us under another name wants to read the answer (400)."""

    def __init__(
        self, app: ASGIApp, body_mib: float, photo_mib: float, body_s: float, hosts: Sequence[str]
    ) -> None:
        self.app = app
        self._most = int(body_mib * MIB)
        self._most_photo = int(photo_mib * MIB)
        self._body_s = body_s
        self._hosts = {host.casefold() for host in hosts}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        headers = dict(scope["headers"])
        if self._hosts and _host(headers.get(b"host", b"")) not in self._hosts:
            refused = Refusal(HTTPStatus.BAD_REQUEST, "The console has another name than this.")
            await answer(scope, refused)(scope, receive, send)
            return
        most = self._most_photo if scope["path"].endswith(PHOTOS) else self._most
        said = headers.get(b"content-length", b"0")
        if not said.isdigit() or int(said) > most:
            await answer(scope, _too_large(most))(scope, receive, send)
            return
        came = 0
        whole = False
        until = asyncio.get_running_loop().time() + self._body_s

        async def receive_some() -> Message:
            nonlocal came, whole
            if whole:
                return await receive()  # waits for the browser to leave
            try:
                async with asyncio.timeout_at(until):
                    message = await receive()
            except TimeoutError:
                raise Refusal(
                    HTTPStatus.REQUEST_TIMEOUT,
                    f"The request did not arrive within {self._body_s:g} s.",
                    CLOSE,
                ) from None
            came += len(message.get("body", b""))
            if came > most:
                raise _too_large(most)
            whole = message["type"] != "http.request" or not message.get("more_body", False)
            return message

        await self.app(scope, receive_some, send)


def _too_large(most: int) -> Refusal:
    return Refusal(
        HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
        f"The request is too large: send at most {most / MIB:g} MiB.",
        CLOSE,
    )


def _host(header: bytes) -> str:
    """The name in a Host header, without its port."""
    text = header.decode("latin-1").casefold()
    return text.partition("]")[0] + "]" if text.startswith("[") else text.partition(":")[0]
