"""The page's server, on this machine alone."""

from __future__ import annotations

import asyncio
import base64
import secrets
import socket
import threading
import time
import webbrowser
from collections.abc import Callable
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import uvicorn
from numpy.typing import NDArray
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response
from starlette.routing import Route, WebSocketRoute
from starlette.websockets import WebSocket, WebSocketDisconnect

from fer_edge import pages
from fer_edge.errors import DataError, FerEdgeError
from fer_edge.faces.dataset import SIDE
from fer_edge.faces.detect import SMALLEST
from fer_edge.figure import Figure
from fer_edge.files import refusal
from fer_edge.live import face, picture
from fer_edge.live.computer import Computer
from fer_edge.live.guard import Guard

LOOPBACK = "127.0.0.1"
CORRECTIONS = Path("corrections")
"""Where corrected faces go unless told otherwise."""
SMALLEST_IN_FRAMES = 120
"""Side of the smallest face looked for in the webcam's 640×480 pixels; looking for smaller ones takes longer."""
_HERE = Path(__file__).parent


def serve(
    network: Path,
    port: str,
    *,
    corrections: Path = CORRECTIONS,
    host: str = LOOPBACK,
    http_port: int = 0,
    open_browser: bool = False,
    say: Callable[[str], object] = print,
) -> None:
    """Serve the page until Ctrl-C.

    Parameters
    ----------
    network, port : as of `Computer`.
    corrections : folder for the faces a person corrects, made when the first is kept.
    http_port : the page's; 0 is any that is free.
    say : gets the page's address.

    Raises
    ------
    FerEdgeError : another host than this machine, or the HTTP port is taken.
    BoardError : as `Computer`.
    """
    if host not in (LOOPBACK, "localhost"):
        raise FerEdgeError(
            f"The page cannot listen on {host}: whoever reaches it may use the board and see what the camera sees.",
            f"Leave --host out; from another machine, `ssh -L 8000:{LOOPBACK}:PORT` brings the page to you.",
        )
    with listener(http_port) as listening, Computer(network, port) as computer:
        bound = listening.getsockname()[1]
        token = secrets.token_urlsafe(24)
        address = f"http://{LOOPBACK}:{bound}/?token={token}"
        say(f"{computer.network.name}, {computer.who}: {address}\nCtrl-C ends it.")
        if open_browser:
            # Some browsers, in a terminal, keep the caller until they are closed.
            threading.Thread(target=webbrowser.open, args=(address,), daemon=True).start()
        with suppress(KeyboardInterrupt):
            uvicorn.Server(configuration(application(computer, bound, token, corrections))).run([listening])


def configuration(served: Starlette) -> uvicorn.Config:
    """How uvicorn runs the application: no frame is larger than a picture may be, and none is queued."""
    return uvicorn.Config(
        served,
        log_level="warning",
        server_header=False,
        access_log=False,
        ws_max_size=picture.MAX_BYTES,
        ws_max_queue=1,
        timeout_graceful_shutdown=1,
    )


def listener(port: int) -> socket.socket:
    """A socket that listens on 127.0.0.1. FerEdgeError where the port is taken."""
    listening = socket.socket()
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listening.bind((LOOPBACK, port))
    except OSError as error:
        listening.close()
        raise FerEdgeError(
            f"HTTP port {port} cannot be used ({error.strerror}).", "Give another --http-port, or none."
        ) from error
    listening.listen()
    return listening


def application(computer: Computer, port: int, token: str, corrections: Path = CORRECTIONS) -> Starlette:
    """The server's application, behind its guard."""
    style = pages.render("fer_edge.live", "live.css.j2")
    page, script, icon = ((_HERE / name).read_text() for name in ("live.html", "live.js", "icon.svg"))

    async def show_page(request: Request) -> Response:
        return HTMLResponse(page)

    async def show_style(request: Request) -> Response:
        return Response(style, media_type="text/css")

    async def show_script(request: Request) -> Response:
        return Response(script, media_type="text/javascript")

    async def show_icon(request: Request) -> Response:
        return Response(icon, media_type="image/svg+xml")

    async def state(request: Request) -> Response:
        return JSONResponse(computer.state() | {"corrections": str(corrections.absolute())})

    async def look_at_picture(request: Request) -> Response:
        whole = request.query_params.get("whole") == "1"
        data = await _body(request, picture.MAX_BYTES)
        return JSONResponse(await run_in_threadpool(look, computer, data, whole=whole))

    async def allow_simulator(request: Request) -> Response:
        computer.simulator_allowed = request.query_params.get("allowed") == "1"
        return JSONResponse(computer.state())

    async def show_what_mattered(request: Request) -> Response:
        pixels, label = await face_and_class(request)
        lost = await run_in_threadpool(face.occlusion, computer.network, pixels, label)
        return JSONResponse({"lost": lost.tolist()})

    async def keep_corrected(request: Request) -> Response:
        pixels, label = await face_and_class(request)
        try:
            path = await run_in_threadpool(face.keep, corrections, computer.classes, label, pixels)
        except OSError as error:
            raise refusal(error) from error
        return JSONResponse({"kept": str(path.relative_to(corrections))})

    async def compare(request: Request) -> Response:
        pixels = face.pixels(await _body(request, face.BYTES))
        return JSONResponse({"rows": await run_in_threadpool(face.side_by_side, computer, pixels)})

    async def face_and_class(request: Request) -> tuple[NDArray[np.uint8], int]:
        label = face.class_index(request.query_params.get("class", ""), computer.classes)
        return face.pixels(await _body(request, face.BYTES)), label

    async def look_at_frames(socket: WebSocket) -> None:
        await watch(socket, computer)

    async def look_through_the_board(socket: WebSocket) -> None:
        await watch_board(socket, computer)

    return Starlette(
        routes=[
            Route("/", show_page),
            Route("/icon.svg", show_icon),
            Route("/live.css", show_style),
            Route("/live.js", show_script),
            Route("/state", state),
            Route("/picture", look_at_picture, methods=["POST"]),
            Route("/simulator", allow_simulator, methods=["POST"]),
            Route("/mattered", show_what_mattered, methods=["POST"]),
            Route("/correction", keep_corrected, methods=["POST"]),
            Route("/comparison", compare, methods=["POST"]),
            WebSocketRoute("/frames", look_at_frames),
            WebSocketRoute("/board", look_through_the_board),
        ],
        exception_handlers={FerEdgeError: _refused},
        middleware=[Middleware(Guard, port=port, token=token)],
    )


def look(computer: Computer, data: bytes, *, whole: bool = False, smallest: float = SMALLEST) -> dict[str, Any]:
    """The faces in an image file, and what the network says of each, as plain values.

    FerEdgeError as `picture.read`, `picture.faces` and `Computer.answers`.
    """
    began = time.perf_counter()
    shown = picture.read(data)
    found = picture.faces(shown, whole=whole, smallest=smallest)
    detected = time.perf_counter()
    answers = computer.answers(np.array([one.pixels for one in found], np.uint8).reshape(-1, SIDE, SIDE))
    done = time.perf_counter()
    return {
        "size": shown.size,
        "faces": [
            {
                "box": {"left": one.box.left, "top": one.box.top, "side": one.box.side},
                "sure": one.box.sure,
                "pixels": base64.b64encode(one.pixels.tobytes()).decode(),
                "answer": answer.to_dict(),
            }
            for one, answer in zip(found, answers, strict=True)
        ],
        "who": computer.who,
        "milliseconds": {"finding": 1e3 * (detected - began), "inference": 1e3 * (done - detected)},
    }


async def watch(socket: WebSocket, computer: Computer) -> None:
    """Answer frames as they come, the newest first: one that nobody had time for is dropped when the next arrives.

    An answer is `look`'s, or `error` and `cure`; `skipped` is the number of frames dropped before this one.
    """
    await socket.accept()
    waiting: asyncio.Queue[tuple[bytes, int]] = asyncio.Queue(maxsize=1)

    async def receive() -> None:
        while True:
            frame, skipped = await socket.receive_bytes(), 0
            if waiting.full():
                skipped = waiting.get_nowait()[1] + 1
            waiting.put_nowait((frame, skipped))

    async def answer() -> None:
        while True:
            frame, skipped = await waiting.get()
            try:
                result = await run_in_threadpool(look, computer, frame, smallest=SMALLEST_IN_FRAMES)
            except FerEdgeError as error:
                result = {"error": error.what, "cure": error.cure}
            await socket.send_json({**result, "skipped": skipped})

    tasks = [asyncio.create_task(receive()), asyncio.create_task(answer())]
    done, pending = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    for task in pending:
        task.cancel()
    for task in done:
        error = task.exception()
        if isinstance(error, KeyError):  # text where bytes belong
            await socket.close(1003)
        elif error is not None and not isinstance(error, WebSocketDisconnect):
            raise error


async def watch_board(socket: WebSocket, computer: Computer) -> None:
    """Send what the board's own camera sees, as `seen` has it, until the page goes away or the camera fails.

    Then `error` and `cure` say why.
    """
    await socket.accept()
    gone = asyncio.create_task(socket.receive())  # the page sends nothing: it can only go
    try:
        while not gone.done():
            try:
                result = await run_in_threadpool(seen, computer)
            except FerEdgeError as error:
                await socket.send_json({"error": error.what, "cure": error.cure})
                await socket.close()
                return
            await socket.send_json(result)
    except WebSocketDisconnect:
        pass
    finally:
        gone.cancel()
        await run_in_threadpool(computer.stop_seeing)


def seen(computer: Computer) -> dict[str, Any]:
    """What the board's own camera sees next, and the board's answer, as plain values. BoardError as `Computer.see`."""
    sight = computer.see()
    frame = sight.frame
    source = "the board's timer"
    return {
        "preview": base64.b64encode(frame.preview.tobytes()).decode(),
        "pixels": base64.b64encode(frame.pixels.tobytes()).decode(),
        "number": frame.number,
        "answer": sight.answer.to_dict(),
        "capture": asdict(Figure(1e3 * frame.capture_seconds, "ms", sight.kind, source)),
        "compute": asdict(Figure(1e3 * frame.compute_seconds, "ms", sight.kind, source)),
    }


async def _body(request: Request, most: int) -> bytes:
    """A request's body. TooLarge as soon as it is known to have over `most` bytes; no more of it is read then."""
    if int(request.headers.get("content-length", 0)) > most:
        raise picture.too_many_bytes(most)
    data = bytearray()
    async for chunk in request.stream():
        data += chunk
        if len(data) > most:
            raise picture.too_many_bytes(most)
    return bytes(data)


def _refused(request: Request, error: Exception) -> Response:
    """What was wrong, in words."""
    assert isinstance(error, FerEdgeError)
    status = 413 if isinstance(error, picture.TooLarge) else 422 if isinstance(error, DataError) else 503
    return JSONResponse({"error": error.what, "cure": error.cure}, status)
