"""The MLPerf Tiny text dialect: the client against a device by the book, then our firmware against the client."""

import csv
import importlib.util
import runpy
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import yaml
from PIL import Image

from fer_edge.bench.device import Device
from fer_edge.bench.link import Link
from fer_edge.bench.virtual import virtual_port
from fer_edge.errors import DataError
from fer_edge.faces import load
from fer_edge.load import load_network
from fer_edge.metrics import simulate_faces, softmax
from fer_edge.network import IntegerNetwork
from fer_edge.simulate import logit_unit, predictions, simulate
from tests.bench.instrument import Instrument
from tests.bench.mlperf_client import DutError, MlperfClient, scores
from tests.present import present

EXAMPLE = Path(__file__).parents[2] / "docs/examples/mlperf_dataset.py"


class BookDut(Instrument):
    """A device that does what the description says, and adds up its input."""

    def __init__(self, lap: bool = True) -> None:
        super().__init__()
        self._text, self._expected, self._data, self._clock = b"", 0, b"", 0
        self._lap = lap

    def hear(self, data: bytes) -> None:
        self._text += data
        while b"%" in self._text:
            command, self._text = self._text.split(b"%", 1)
            lines = [*self._answer(command.decode().split()), "m-ready"]
            self.say("".join(f"{line}\r\n" for line in lines).encode())

    def _stamp(self) -> list[str]:
        self._clock += 700
        return [f"m-lap-us-{self._clock}"] if self._lap else []

    def _answer(self, words: list[str]) -> list[str]:
        results = f"m-results-[{sum(self._data)},0.5]"
        match words:
            case ["name"]:
                return ["m-name-dut-[book]"]
            case ["profile"]:
                return ["m-profile-[firmware 1]", "m-model-[sum]"]
            case ["timestamp"]:
                return self._stamp()
            case ["db", "load", size]:
                self._expected, self._data = int(size), b""
                return [f"m-[Expecting {size} bytes]"]
            case ["db", digits] if len(digits) <= 62:
                self._data += bytes.fromhex(digits)
                return ["m-load-done"] if len(self._data) == self._expected else []
            case ["infer", count, warmups]:
                begin = [f"m-warmup-start-{warmups}", "m-warmup-done", f"m-infer-start-{count}"]
                return [*begin, *self._stamp(), *self._stamp(), "m-infer-done", results]
            case ["results"]:
                return [results]
        return [f"e-[Unknown command: {' '.join(words)}]"]


def test_the_client_speaks_as_described() -> None:
    with BookDut() as dut, MlperfClient(dut.port) as client:
        assert client.name() == "book"
        assert client.profile() == ("firmware 1", "sum")
        assert client.timestamp() == 700
        client.load(bytes(range(100)))
        inference = client.infer(10, 2)
        assert (inference.microseconds, inference.results) == (700, [4950.0, 0.5])
        assert client.results() == [4950.0, 0.5]
        with pytest.raises(DutError, match="Unknown command: dance"):
            client.command("dance")


def test_in_energy_mode_timestamps_are_no_lines_and_commands_are_shorter() -> None:
    with BookDut(lap=False) as dut, MlperfClient(dut.port, energy=True) as client:
        client.load(bytes(60))
        assert client.infer(10).microseconds is None


def test_scores_are_the_runners() -> None:
    """By hand: of the 8 pairs of a class's face and another's, 4, 5 and 5 are in order, and 2, 1 and 2 are equal."""
    results = [[2, 1, 1], [1, 3, 0], [1, 1, 2], [0, 0, 4], [1, 2, 1], [3, 0, 1]]
    assert scores(results, [0, 0, 1, 2, 1, 2]) == pytest.approx((50, (5 + 5.5 + 6) / 24))
    doubled = [[2 * value for value in row] for row in results]
    assert scores(doubled, [0, 0, 1, 2, 1, 2]) == scores(results, [0, 0, 1, 2, 1, 2])


@pytest.fixture(scope="module")
def board_port(
    network: IntegerNetwork, checkpoint_path: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[str]:
    if shutil.which("arm-none-eabi-gcc") is None or importlib.util.find_spec("unicorn") is None:
        pytest.skip("the virtual board needs arm-none-eabi-gcc and unicorn")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("cache")))
        with virtual_port(network, checkpoint_path) as port:
            yield port


def test_our_board_says_who_it_is(board_port: str, network: IntegerNetwork) -> None:
    with MlperfClient(board_port) as client:
        client.command("name", timeout=10)  # it may still be starting
        assert client.name()
        assert network.name in client.profile()[1]
        assert client.command("help")


def test_our_boards_clock_runs(board_port: str) -> None:
    with MlperfClient(board_port) as client:
        first = client.timestamp()
        assert client.timestamp() > first


def test_our_boards_results_are_the_softmax_of_the_simulators(board_port: str, network: IntegerNetwork) -> None:
    pixels = np.random.default_rng(5).integers(0, 256, (3, 48, 48), np.uint8)
    logits = simulate(network, network.device_input(pixels))
    with MlperfClient(board_port) as client:
        for image, expected in zip(pixels, softmax(logits * logit_unit(network)), strict=True):
            client.load(image.tobytes())
            inference = client.infer(5, 1)
            assert inference.results == pytest.approx(expected, abs=0.0005 + 1e-8)
            assert client.results() == inference.results
            assert present(inference.microseconds) >= 5  # at least a microsecond each


def test_labels_are_those_of_the_networks_classes(faces_folder: str, tmp_path: Path) -> None:
    runpy.run_path(str(EXAMPLE))["write"](faces_folder, "zoo:fernet-plus-nano", tmp_path, limit=14)
    known, faces = load_network("zoo:fernet-plus-nano").classes, load(faces_folder, "test", 14)
    rows = list(csv.reader((tmp_path / "fernet-plus-nano/y_labels.csv").open()))
    assert [(classes, known[int(label)]) for _, classes, label in rows] == [
        ("8", faces.classes[label]) for label in faces.labels
    ]


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        ([], "the following arguments are required: FACES and NETWORK"),
        (["drawn", "nowhere"], "There is no checkpoint nowhere."),
        (["nowhere", "zoo:fernet-nano"], "nowhere"),
    ],
)
def test_the_example_says_what_is_missing(words: list[str], complaint: str, tmp_path: Path) -> None:
    done = subprocess.run([sys.executable, EXAMPLE, *words], cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode
    assert complaint in done.stderr
    assert "Traceback" not in done.stderr


def test_faces_of_other_classes_are_refused(tmp_path: Path) -> None:
    for name in ("calm", "glad"):
        (tmp_path / "test" / name).mkdir(parents=True)
        Image.new("L", (48, 48)).save(tmp_path / "test" / name / "0.png")
    with pytest.raises(DataError, match=r"fernet-nano does not know calm, glad\."):
        runpy.run_path(str(EXAMPLE))["write"](str(tmp_path), "zoo:fernet-nano", tmp_path / "out")


def test_the_runners_scores_of_our_board_are_the_simulators(
    board_port: str, network: IntegerNetwork, checkpoint_path: Path, faces_folder: str, tmp_path: Path
) -> None:
    """It divides by the sum of the results, so logits, which may be negative, would give anything."""
    runpy.run_path(str(EXAMPLE))["write"](faces_folder, str(checkpoint_path), tmp_path)
    (test,) = yaml.safe_load((tmp_path / "tests_accuracy.yaml").read_text()).values()
    results, labels = [], []
    with MlperfClient(board_port) as client, (tmp_path / test["model"] / test["truth_file"]).open() as truth:
        assert client.profile()[1] == test["model"]
        for name, classes, label in csv.reader(truth):
            client.load((tmp_path / test["model"] / name).read_bytes())
            results.append(client.infer(1).results)
            labels.append(int(label))
            assert len(results[-1]) == int(classes)
    top1, area = scores(results, labels)
    faces = load(faces_folder, "test")
    logits = simulate_faces(network, faces)
    assert labels == faces.labels.tolist()
    assert (top1, area) == pytest.approx(scores(softmax(logits * logit_unit(network)).tolist(), labels), abs=0.01)
    assert top1 == pytest.approx(100 * (predictions(logits) == faces.labels).mean())


@pytest.mark.slow
def test_ten_seconds_of_inferences_are_answered_within_the_runners_thirty(tmp_path: Path) -> None:
    """Which is the shortest run its rules allow, and the longest wait of its serial line."""
    name = Path("zoo:fernet-nano")
    network = load_network(name)
    with virtual_port(network, name) as port, MlperfClient(port) as client:
        client.command("name", timeout=10)
        client.load(bytes(range(48)) * 48)
        inference = client.infer(8500, 10, timeout=30)
    assert inference.microseconds is not None
    assert inference.microseconds >= 10e6


def test_what_our_board_does_not_know_is_an_error_and_it_goes_on(board_port: str) -> None:
    with MlperfClient(board_port) as client:
        for nonsense in ("dance", "db load x", "db xyz", "infer x", ""):
            with pytest.raises(DutError, match=r"e-\["):
                client.command(nonsense)
        assert client.name()


def test_both_dialects_share_the_port(board_port: str, network: IntegerNetwork) -> None:
    for _ in range(2):
        with Link(board_port) as link:
            assert Device(link).hello().network_hash == network.content_hash
        with MlperfClient(board_port) as client:
            assert client.name()


def test_our_board_in_energy_mode_prints_no_timestamps(board_port: str, network: IntegerNetwork) -> None:
    image = np.full((1, 48, 48), 77, np.uint8)
    with MlperfClient(board_port) as client:
        client.command("mode energy")  # ours: elsewhere this is another build
    with MlperfClient(board_port, energy=True) as client:
        client.load(image.tobytes())
        inference = client.infer(3)
        client.command("mode performance")
    assert inference.microseconds is None
    assert np.argmax(inference.results) == simulate(network, network.device_input(image))[0].argmax()
