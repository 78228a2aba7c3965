"""Only the page that was opened by its printed address is served, and nothing is read that is too large."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest
from click.testing import CliRunner
from PIL import Image
from starlette.testclient import TestClient

from fer_edge.cli import main
from fer_edge.errors import FerEdgeError
from fer_edge.live import picture as pictures
from fer_edge.live import server
from fer_edge.live.guard import PUBLIC
from tests.live.conftest import NETWORK, ORIGIN, TOKEN, picture, png

PATHS = [("GET", "/"), ("GET", "/state"), ("POST", "/picture")]


@pytest.mark.parametrize(("method", "path"), PATHS)
def test_a_request_of_the_page_is_answered(client: TestClient, method: str, path: str) -> None:
    assert client.request(method, path, content=png(picture())).status_code == 200


@pytest.mark.parametrize("token", ["", "the-toke", "the-token2", "ü"])
@pytest.mark.parametrize(("method", "path"), PATHS)
def test_without_the_token_nothing_is_answered(client: TestClient, method: str, path: str, token: str) -> None:
    refused = client.request(method, path, headers={"x-token": ""}, params={"token": token})
    assert refused.status_code == 403
    assert "holds the token" in refused.text


def test_the_address_holds_the_token(client: TestClient) -> None:
    page = client.get(f"/?token={TOKEN}", headers={"x-token": ""})
    assert "<title>fer-edge live</title>" in page.text


@pytest.mark.parametrize("host", ["evil.example", "127.0.0.1", "127.0.0.1:8001", "localhost.evil.example:8000", ""])
@pytest.mark.parametrize(("method", "path"), [*PATHS, *(("GET", path) for path in PUBLIC)])
def test_another_host_name_is_refused(client: TestClient, method: str, path: str, host: str) -> None:
    refused = client.request(method, path, headers={"host": host})
    assert refused.status_code == 403
    assert "does not go by that name" in refused.text


@pytest.mark.parametrize("origin", ["http://evil.example", "null", "https://127.0.0.1:8000", "http://127.0.0.1:8001"])
@pytest.mark.parametrize(("method", "path"), PATHS)
def test_another_origin_is_refused(client: TestClient, method: str, path: str, origin: str) -> None:
    assert client.request(method, path, headers={"origin": origin}).status_code == 403


def test_what_may_change_something_needs_an_origin(client: TestClient) -> None:
    bare = TestClient(client.app, ORIGIN, headers={"x-token": TOKEN})
    assert bare.get("/state").status_code == 200  # browsers send none with it
    assert bare.post("/picture", content=png(picture())).status_code == 403


def test_every_reply_forbids_what_comes_from_elsewhere(client: TestClient) -> None:
    for reply in (client.get("/"), client.get("/live.js"), client.get("/", headers={"x-token": "wrong"})):
        policy = reply.headers["content-security-policy"]
        assert "default-src 'self'" in policy
        assert "unsafe" not in policy
        assert "http" not in policy
        assert reply.headers["referrer-policy"] == "no-referrer"


def test_a_body_over_twenty_megabytes_is_refused_whether_or_not_it_says_so(client: TestClient) -> None:
    chunk = bytes(1_000_000)
    asked = []

    def body() -> Iterator[bytes]:
        for number in range(100):
            asked.append(number)
            yield chunk

    for content in (bytes(pictures.MAX_BYTES + 1), body()):
        refused = client.post("/picture", content=content)
        assert refused.status_code == 413
        assert "over 20 MB" in refused.json()["error"]


def test_the_length_alone_is_reason_enough(client: TestClient) -> None:
    refused = client.post("/picture", content=b"", headers={"content-length": "20000001"})
    assert refused.status_code == 413


@pytest.mark.parametrize("size", [(10_000, 5_001), (30_000, 30_000)])
def test_a_picture_over_fifty_megapixels_is_refused_before_it_is_decoded(
    client: TestClient, monkeypatch: pytest.MonkeyPatch, size: tuple[int, int]
) -> None:
    # A PNG whose header promises much, with no pixels in it.
    data = bytearray(png(Image.new("1", (8, 8))))
    data[16:24] = np.array(size, ">u4").tobytes()
    import zlib

    data[29:33] = np.array(zlib.crc32(data[12:29]), ">u4").tobytes()
    monkeypatch.setattr(Image.Image, "load", lambda self: pytest.fail("it was decoded"))
    refused = client.post("/picture", content=bytes(data))
    assert refused.status_code == 413
    assert "over 50 megapixels" in refused.json()["error"]


@pytest.mark.parametrize("host", ["0.0.0.0", "192.168.1.7", "::", "example.org"])
def test_it_does_not_listen_to_other_machines(host: str) -> None:
    with pytest.raises(FerEdgeError, match="whoever reaches it may use the board"):
        server.serve(NETWORK, "none", host=host)
    done = CliRunner().invoke(main, ["live", "--port", "none", "--host", host])
    assert done.exit_code == 1
    assert "cannot listen on" in done.output


def test_it_listens_on_this_machine_alone_and_says_where_a_port_is_taken() -> None:
    with server.listener(0) as listening:
        address, port = listening.getsockname()
        assert address == "127.0.0.1"
        with pytest.raises(FerEdgeError, match=f"HTTP port {port} cannot be used"):
            server.listener(port)
