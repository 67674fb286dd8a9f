"""What every answer tells the browser to refuse."""

from collections.abc import Sequence

from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

# Scripts, fonts and requests from here alone: nothing written into a comment can run, and nothing
# on a page can reach another host. Charts set styles on their own elements.
SCRIPTS = "script-src 'self'"
PICTURES = "img-src 'self' data: blob:"
POLICY = (
    f"default-src 'self'; {SCRIPTS}; style-src 'self' 'unsafe-inline'; {PICTURES}; "
    "object-src 'none'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
)
# A crew's phone may say where it is and take a photo; nothing else is ours to ask for.
PERMISSIONS = (
    "geolocation=(self), camera=(self), screen-wake-lock=(self), fullscreen=(self), "
    "autoplay=(self), microphone=(), payment=(), usb=(), serial=(), bluetooth=(), hid=(), midi=(), "
    "display-capture=(), publickey-credentials-get=()"
)
A_YEAR = "max-age=31536000"


def _caching(path: str) -> str:
    """Files may be kept but are asked for by their tag each time, unless they are named by their
    digest (`pages.files`); what people see is not kept."""
    return "no-cache" if path.startswith(("/lib/", "/static/")) else "no-store"


class SafeHeaders:
    """ASGI middleware; adds headers and leaves the body alone, so streams stay streams.

    pictures_from: hosts that pictures may come from beside this one: those of the base map.
    scripts: what may run beside files from here, as a policy names it: the pages' import map.
    """

    def __init__(
        self, app: ASGIApp, pictures_from: Sequence[str] = (), scripts: Sequence[str] = ()
    ) -> None:
        self.app = app
        self.policy = POLICY.replace(PICTURES, " ".join([PICTURES, *pictures_from])).replace(
            SCRIPTS, " ".join([SCRIPTS, *scripts])
        )

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def send_safely(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                headers["Content-Security-Policy"] = self.policy
                headers["X-Content-Type-Options"] = "nosniff"
                headers["Referrer-Policy"] = "same-origin"
                headers["Cross-Origin-Opener-Policy"] = "same-origin"
                headers["Cross-Origin-Resource-Policy"] = "same-origin"
                headers["Permissions-Policy"] = PERMISSIONS
                if scope["scheme"] == "https":
                    headers["Strict-Transport-Security"] = A_YEAR
                headers.setdefault("Cache-Control", _caching(scope["path"]))
            await send(message)

        await self.app(scope, receive, send_safely if scope["type"] == "http" else send)
