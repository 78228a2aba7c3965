"""Who may talk to the page's server: a browser on this machine that was given the printed address, and nobody else."""

from __future__ import annotations

import secrets

from starlette.datastructures import Headers, MutableHeaders, QueryParams
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

TOKEN_HEADER = "x-token"
HEADERS = {
    "Content-Security-Policy": "default-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; "
    "object-src 'none'",
    "Cache-Control": "no-store",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(self), microphone=(), geolocation=()",
    "Referrer-Policy": "no-referrer",  # the address holds the token
    "X-Content-Type-Options": "nosniff",
}
"""Of every reply: nothing is loaded from elsewhere, framed, stored or told to others."""
PUBLIC = ("/icon.svg", "/live.css", "/live.js")
"""What tells nothing: style and programme, the same for everybody."""


class Guard:
    """Passes on what comes with a known Host, the token and, if it may change something, the page's own Origin.

    port : the server's own; Hosts are 127.0.0.1 and localhost there.
    """

    def __init__(self, app: ASGIApp, port: int, token: str) -> None:
        self._app = app
        self._hosts = {f"{name}:{port}" for name in ("127.0.0.1", "localhost")}
        self._origins = {f"http://{host}" for host in self._hosts}
        self._token = token.encode()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
            return
        if refused := self._refusal(scope):
            if scope["type"] == "websocket":
                await send({"type": "websocket.close", "code": 1008, "reason": refused})
                return
            await PlainTextResponse(refused + "\n", 403, HEADERS)(scope, receive, send)
            return

        async def sealed(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message).update(HEADERS)
            await send(message)

        await self._app(scope, receive, sealed)

    def _refusal(self, scope: Scope) -> str:
        """Why a request is not passed on; empty if it is."""
        headers = Headers(scope=scope)
        if headers.get("host") not in self._hosts:  # another name may lead here, too: DNS rebinding
            return "This server does not go by that name."
        reads = scope["type"] == "http" and scope["method"] in ("GET", "HEAD")
        origin = headers.get("origin")
        if (origin is not None or not reads) and origin not in self._origins:
            return "Only the page itself may ask for this."
        if scope["path"] in PUBLIC and reads:
            return ""
        given = headers.get(TOKEN_HEADER) or QueryParams(scope["query_string"]).get("token", "")
        if not secrets.compare_digest(given.encode(), self._token):
            return "Open the address that `fer-edge live` printed: it holds the token."
        return ""
