"""Machines share a search through a PostgreSQL database, a real one that is started and stopped here."""

from __future__ import annotations

import contextlib
import gc
import multiprocessing
import os
import pwd
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

pytest.importorskip("optuna", reason="needs Optuna")
pytest.importorskip("psycopg", reason="needs psycopg")

from fer_edge.errors import FerEdgeError
from fer_edge.training import search as searching
from fer_edge.training.config import SearchConfig
from fer_edge.training.search import SearchResult, search

PASSWORD = "not-to-be-shown"


def programs() -> Path | None:
    """Where Debian, which keeps them off the path, has PostgreSQL's."""
    found = shutil.which("initdb")
    folders = [Path(found).parent] if found else sorted(Path("/usr/lib/postgresql").glob("*/bin"))
    return next((folder for folder in reversed(folders) if (folder / "initdb").is_file()), None)


def as_user() -> list[str]:
    """How to run what refuses to be run by root. Skips where there is no user for it."""
    if os.geteuid():
        return []
    if shutil.which("setpriv") is None:
        pytest.skip("setpriv is not installed, and PostgreSQL does not run as root")
    nobody = pwd.getpwnam("nobody")
    return ["setpriv", f"--reuid={nobody.pw_uid}", f"--regid={nobody.pw_gid}", "--clear-groups"]


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    """The address of a server, without a database's name."""
    binaries = programs()
    if binaries is None:
        pytest.skip("PostgreSQL is not installed (Debian: postgresql)")
    user = as_user()
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    folder = Path(tempfile.mkdtemp(prefix="fer-edge-postgresql"))  # pytest's own is root's alone
    folder.chmod(0o777)
    data, secret = folder / "data", folder / "password"
    secret.write_text(PASSWORD)
    secret.chmod(0o644)
    control = [*user, str(binaries / "pg_ctl"), "-D", str(data), "-s", "-w"]
    options = f"-F -p {port} -c listen_addresses=127.0.0.1 -c unix_socket_directories={folder}"
    make = ["-A", "scram-sha-256", "-U", "fer", f"--pwfile={secret}", "-N", "-E", "UTF8", "--locale=C"]
    try:
        subprocess.run([*user, binaries / "initdb", "-D", data, *make], check=True, capture_output=True, cwd=folder)
        subprocess.run([*control, "-l", folder / "log", "-o", options, "start"], check=True, cwd=folder)
        yield f"postgresql://fer:{PASSWORD}@127.0.0.1:{port}"
    finally:
        subprocess.run([*control, "-m", "immediate", "stop"], check=False, capture_output=True, cwd=folder)
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def storage(server: str, request: pytest.FixtureRequest) -> str:
    """The address of a database that is empty."""
    import psycopg

    name = f"test_{abs(hash(request.node.name))}"
    with psycopg.connect(f"{server}/postgres", autocommit=True) as connection:
        connection.execute(f'CREATE DATABASE "{name}"')
    return f"{server}/{name}"


@pytest.fixture
def config(folder: Path, tmp_path: Path, storage: str) -> SearchConfig:
    return SearchConfig(folder, tmp_path / "one", storage=storage, trials=2, epochs=1, max_cycles=200_000, threads=1)


def test_a_second_machine_goes_on_with_the_study_of_the_first(
    config: SearchConfig, trained: list[str], tmp_path: Path, recwarn: pytest.WarningsRecorder
) -> None:
    first = search(config)
    assert (first.finished, first.trained) == (True, 2)
    assert not (config.output_dir / "search.db").exists()
    there = replace(config, output_dir=tmp_path / "two")
    assert search(there).best == first.best  # nothing to do there
    assert len(trained) == 2
    assert search(replace(there, trials=3)).trained == 3
    assert search(config).trained == 3
    assert [str(warning.message) for warning in recwarn] == []


def _search(config: SearchConfig, results: multiprocessing.queues.Queue[SearchResult]) -> None:
    class Untrained:
        def __init__(self, *_: object) -> None:
            self.history = [{"val_accuracy": 0.5}]

        def run(self) -> bool:
            return True

    searching._ReportingTrainer = Untrained  # type: ignore[assignment, misc]
    results.put(search(config))


def test_machines_at_work_at_the_same_time_share_the_trials(config: SearchConfig, tmp_path: Path) -> None:
    config = replace(config, trials=5)
    context = multiprocessing.get_context("fork")
    results = context.Queue()
    machines = [replace(config, output_dir=tmp_path / name) for name in ("one", "two")]
    processes = [context.Process(target=_search, args=(machine, results)) for machine in machines]
    for process in processes:
        process.start()
    answers = [results.get(timeout=60) for _ in processes]
    for process in processes:
        process.join()
    assert all(answer.finished for answer in answers)
    together = search(config)
    assert 5 <= together.trained <= 6  # both can be busy with the last one
    assert len({candidate.arch for candidate in together.best}) == len(together.best)


def test_a_machine_leaves_what_another_is_at(config: SearchConfig, trained: list[str], tmp_path: Path) -> None:
    search(config)
    with contextlib.ExitStack() as held:
        study = searching._open(config, held)
        elsewhere, here = study.ask(), study.ask()
        elsewhere.set_user_attr("machine", searching._machine(replace(config, output_dir=tmp_path / "two")))
        here.set_user_attr("machine", searching._machine(config))
        search(replace(config, trials=3))
        states = {trial.number: trial.state.name for trial in study.get_trials()}
        assert states[elsewhere.number] == "RUNNING"
        assert states[here.number] == "FAIL"  # its process has ended


@pytest.fixture(autouse=True)
def _connections_are_closed(recwarn: pytest.WarningsRecorder) -> Iterator[None]:
    yield
    gc.collect()
    assert not [w for w in recwarn if "still open" in str(w.message)]


def test_other_settings_and_other_faces_do_not_mix_and_no_password_is_shown(
    config: SearchConfig, trained: list[str], tmp_path: Path
) -> None:
    search(config)
    with pytest.raises(FerEdgeError, match="epochs 1, not 2") as it:
        search(replace(config, epochs=2))
    assert "--storage" in str(it.value)
    assert PASSWORD not in str(it.value)
    with pytest.raises(FerEdgeError, match="was started with other faces than drawn") as it:
        search(replace(config, data="drawn", limit=None, trials=9))
    assert PASSWORD not in str(it.value)


def test_a_database_that_is_not_there_is_named_without_its_password(config: SearchConfig) -> None:
    with pytest.raises(FerEdgeError, match=r"127\.0\.0\.1:1/none is no search .* Check that it can be reached") as it:
        search(replace(config, storage=f"postgresql://fer:{PASSWORD}@127.0.0.1:1/none"))
    assert PASSWORD not in str(it.value)


def test_only_postgresql_is_taken() -> None:
    with pytest.raises(FerEdgeError, match="--storage mysql:… is no PostgreSQL database"):
        SearchConfig("drawn", Path("runs"), storage=f"mysql://fer:{PASSWORD}@host/base")


def test_the_driver_is_an_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(FerEdgeError, match=r"pip install 'fer-edge\[postgresql\]'"):
        searching._shared_storage("postgresql://host/base")
