"""A board at another computer: through a server that speaks RFC 2217, the network's way to a serial port."""

import socket
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
import serial
from serial import rfc2217

from fer_edge.bench.harness import BenchConfig, run_bench
from fer_edge.network import IntegerNetwork
from tests.bench.fake_board import FakeBoard, board_answers


class Line(serial.Serial):
    """A pseudo-terminal with modem lines, which the protocol wants to see and set."""

    cts = dsr = ri = cd = False

    def _update_dtr_state(self) -> None: ...

    def _update_rts_state(self) -> None: ...

    def _update_break_state(self) -> None: ...


class Server:
    """Serves one client after another, as pyserial's own example does. A context manager; yields the URL."""

    def __init__(self, port: str) -> None:
        self._line = Line(port, timeout=0.02)
        self._socket = socket.create_server(("127.0.0.1", 0))
        self._socket.settimeout(0.1)
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._serve)

    def __enter__(self) -> str:
        self._thread.start()
        return f"rfc2217://127.0.0.1:{self._socket.getsockname()[1]}"

    def __exit__(self, *exception: object) -> None:
        self._stop.set()
        self._thread.join(10)
        self._socket.close()
        self._line.close()

    def _serve(self) -> None:
        while not self._stop.is_set():
            try:
                client, _ = self._socket.accept()
            except TimeoutError:
                continue
            with client:
                self._converse(client)

    def _converse(self, client: socket.socket) -> None:
        """Until the client hangs up."""
        client.settimeout(0.02)
        lock, gone = threading.Lock(), threading.Event()

        class Connection:
            def write(self, data: bytes) -> None:
                with lock:
                    client.sendall(data)

        connection = Connection()
        manager = rfc2217.PortManager(self._line, connection)  # type: ignore[arg-type]

        def towards_client() -> None:
            while not gone.is_set():
                if data := self._line.read(max(1, self._line.in_waiting)):
                    connection.write(b"".join(manager.escape(data)))

        reader = threading.Thread(target=towards_client)
        reader.start()
        while not self._stop.is_set():
            try:
                data = client.recv(4096)
            except TimeoutError:
                continue
            if not data:
                break
            self._line.write(b"".join(manager.filter(data)))
        gone.set()
        reader.join(5)


@pytest.fixture
def board(network: IntegerNetwork) -> Iterator[FakeBoard]:
    with FakeBoard(board_answers(network), rates={921_600: True}) as board:
        yield board


def test_a_bench_runs_over_rfc2217_and_raises_the_rate_of_the_line_at_the_far_end(
    board: FakeBoard, checkpoint_path: Path, faces_folder: str, tmp_path: Path
) -> None:
    with Server(board.port) as url:
        result = run_bench(BenchConfig(url, checkpoint_path, faces_folder, output_dir=tmp_path))
    assert result.scores["n"] == 70
    assert result.logits.images_differing == 0
    assert result.board.baud_rate == 921_600  # the fake board hears nothing at a rate that is not its own
    assert not result.board.virtual  # what is behind a URL cannot be told
