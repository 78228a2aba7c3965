"""An architecture search keeps its budgets, and goes on where it was stopped."""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import shutil
from dataclasses import replace
from pathlib import Path

import pytest

pytest.importorskip("optuna", reason="needs Optuna")

from fer_edge import models
from fer_edge.errors import FerEdgeError, NetworkError
from fer_edge.models import deployable
from fer_edge.synth.synthesize import estimate_placed
from fer_edge.training import loop
from fer_edge.training import search as searching
from fer_edge.training.config import SearchConfig
from fer_edge.training.loop import Trainer
from fer_edge.training.search import SearchResult, cost, search

CYCLES, WEIGHT_BYTES = 200_000, 400_000


@pytest.fixture
def config(folder: Path, tmp_path: Path) -> SearchConfig:
    return SearchConfig(
        folder, tmp_path, trials=2, epochs=1, max_cycles=CYCLES, max_weight_bytes=WEIGHT_BYTES, threads=1
    )


def test_a_search_trains_as_many_as_asked_for_and_names_the_best(config: SearchConfig) -> None:
    result = search(config)
    assert (result.finished, result.trained) == (True, 2)
    assert len(result.best) == 2
    accuracies = [candidate.val_accuracy for candidate in result.best]
    assert accuracies == sorted(accuracies, reverse=True)
    for candidate in result.best:
        network = deployable.blueprint(candidate.arch)
        assert candidate.weight_bytes == network.weight_bytes
        assert candidate.cycles == estimate_placed(network)[1].cycles
        assert f"{candidate.cycles:,}" in result.report()
    assert f"--arch {result.best[0].arch} --weight-bits 8 " in result.report()
    assert models.get(result.best[0].arch).family == "deployable"
    assert not list(config.output_dir.glob("trial-*"))


def test_a_report_says_what_is_measured_and_what_estimated(config: SearchConfig, trained: list[str]) -> None:
    said = search(replace(config, trials=1)).report()
    assert "candidates trained: 1, stopped early: 0;" in said
    _, heading, kinds, row = said.splitlines()[1:5]
    assert heading.split() == ["val", "cycles", "weights"]
    assert kinds.split() == ["measured", "estimated", "bytes", "architecture"]
    assert row.split()[:2] == ["1.00", "%"]


def test_a_search_is_for_the_classes_of_its_faces(
    config: SearchConfig, folder: Path, trained: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    two = config.output_dir / "two"
    for split in ("train", "val"):
        for name in ("happy", "sad"):
            shutil.copytree(folder / split / name, two / split / name)
    built: list[tuple[str, ...]] = []
    build = models.build

    def watched(name: str, bits: str, classes: tuple[str, ...]) -> object:
        built.append(classes)
        return build(name, bits, classes)

    monkeypatch.setattr(models, "build", watched)
    result = search(replace(config, data=two, trials=1))
    assert built == [("happy", "sad")]
    network = deployable.blueprint(trained[0], classes=("happy", "sad"))
    assert [candidate.weight_bytes for candidate in result.best] == [network.weight_bytes]
    (two / "train/fear").mkdir()
    with pytest.raises(FerEdgeError, match=r"classes \['happy', 'sad'\], not \['fear', 'happy', 'sad'\]"):
        search(replace(config, data=two, trials=1))


def test_what_is_over_budget_is_never_trained(config: SearchConfig, trained: list[str]) -> None:
    result = search(replace(config, trials=8))
    assert len(trained) == len(set(trained)) == 8
    assert result.over_budget > 0
    for name in trained:
        network = deployable.blueprint(name)
        assert network.weight_bytes <= WEIGHT_BYTES
        assert estimate_placed(network)[1].cycles <= CYCLES


def test_a_network_that_only_fits_with_few_bits_is_trained_with_them(
    config: SearchConfig, trained: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    arch = "res_20-20_52-52-52_64-64-64_128-128-128"
    with pytest.raises(NetworkError):
        models.build(arch)
    monkeypatch.setattr(searching, "propose", lambda trial: arch)
    result = search(replace(config, trials=1, weight_bits=4))
    assert trained == [candidate.arch for candidate in result.best] == [arch]


def test_a_search_goes_on_where_it_was_stopped(config: SearchConfig, trained: list[str]) -> None:
    first = search(config)
    assert search(config) == first
    second = search(replace(config, trials=5))
    assert (len(trained), second.trained) == (5, 5)
    assert {candidate.arch for candidate in second.best} == set(trained)


def test_an_interrupted_search_tells_what_it_knows_and_goes_on(
    config: SearchConfig, trained: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    stub = searching._ReportingTrainer
    with monkeypatch.context() as patch:
        patch.setattr(stub, "run", lambda self: len(trained) < 2)
        stopped = search(replace(config, trials=3))
    assert (stopped.finished, stopped.trained) == (False, 1)
    assert "goes on" in stopped.report()
    assert search(replace(config, trials=3)).trained == 3


def test_trials_that_cannot_be_compared_do_not_mix(config: SearchConfig, trained: list[str]) -> None:
    search(config)
    with pytest.raises(FerEdgeError, match="epochs 1, not 2"):
        search(replace(config, epochs=2))


def test_a_damaged_study_is_named(config: SearchConfig) -> None:
    (config.output_dir / "search.db").write_bytes(b"no data base at all, but long enough to be one" * 100)
    with pytest.raises(FerEdgeError, match=r"search\.db"):
        search(config)


def test_budgets_are_of_bytes_at_the_weight_bits_and_of_cycles(config: SearchConfig) -> None:
    arch = "chain_32_64-64-64_64_64"
    network = deployable.blueprint(arch)
    weight_bytes, cycles, over = cost(config, arch)
    assert (weight_bytes, cycles) == (network.weight_bytes, estimate_placed(network)[1].cycles)
    assert (over, cost(replace(config, weight_bits=4), arch)[2]) == (0, 0)
    assert cost(replace(config, max_weight_bytes=weight_bytes // 2), arch)[2] == pytest.approx(1, abs=1e-3)
    assert cost(replace(config, max_weight_bytes=weight_bytes // 2 + 1, weight_bits=4), arch)[2] == 0
    assert cost(replace(config, max_cycles=cycles), arch)[2] == 0
    assert 0 < cost(replace(config, max_cycles=cycles - 1), arch)[2] < 1e-4


@pytest.mark.parametrize(
    "arch",
    [
        "chain_32_64-64-64-64_128-128_64",  # columns that 32 processors lack
        f"chain_8_{'-'.join(['16'] * 30)}_8",  # layers
        f"chain_8_8_{'-'.join(['128'] * 16)}_8",  # bias memory
    ],
)
def test_what_finds_no_room_is_over_budget(arch: str, config: SearchConfig) -> None:
    roomy = replace(config, max_cycles=None, max_weight_bytes=442_368, weight_bits=1 if "128-128-128" in arch else 8)
    assert cost(roomy, arch)[2] > 0


def test_a_search_that_can_find_nothing_ends(
    config: SearchConfig, trained: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(searching, "FRUITLESS", 10)
    monkeypatch.setattr(searching, "propose", lambda trial: "chain_64_64-64-64_128-128_128")
    with pytest.raises(FerEdgeError, match="within the budgets"):
        search(replace(config, max_cycles=20_000))
    assert not trained


@pytest.mark.parametrize("budget", ["max_cycles", "max_weight_bytes"])
def test_budgets_that_no_network_keeps_are_refused_at_once(config: SearchConfig, budget: str) -> None:
    with pytest.raises(FerEdgeError, match=r"smallest network .* weight bytes and takes .* cycles"):
        search(replace(config, **{budget: 1}))  # type: ignore[arg-type]
    assert not list(config.output_dir.iterdir())


def test_no_candidate_is_smaller_than_the_smallest(config: SearchConfig) -> None:
    import optuna

    roomy = replace(config, max_cycles=None, max_weight_bytes=442_368)
    weight_bytes, cycles, over = cost(roomy, searching.SMALLEST)
    assert over == 0
    study = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=0))
    for _ in range(30):
        other = cost(roomy, searching.propose(study.ask()))
        assert other[2] or (other[0] >= weight_bytes and other[1] >= cycles)


def _proposed(config: SearchConfig) -> list[tuple[object, ...]]:
    import optuna

    study = optuna.load_study(study_name="search", storage=f"sqlite:///{config.output_dir / 'search.db'}")
    return [tuple(t.params.values()) for t in study.trials if t.state.name in ("COMPLETE", "PRUNED")]


def test_a_search_that_was_killed_proposes_what_it_would_have(
    config: SearchConfig, trained: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    many = replace(config, trials=14)  # the sampler looks at what came before from the tenth trial on
    search(replace(many, output_dir=tmp_path / "once"))
    once = list(trained)
    trained.clear()
    twice = replace(many, output_dir=tmp_path / "twice")

    def killed(self: object) -> bool:
        if len(trained) == 11:
            os._exit(9)
        return True

    process = os.fork()
    if not process:
        searching._ReportingTrainer.run = killed  # type: ignore[method-assign, assignment]
        with contextlib.suppress(BaseException):
            search(twice)
        os._exit(1)
    assert os.waitstatus_to_exitcode(os.waitpid(process, 0)[1]) == 9
    (twice.output_dir / "trial-0").mkdir(exist_ok=True)
    (twice.output_dir / "trial-0" / "last.pth.tar").touch()
    trained.extend(once[:10])  # their stand-in for accuracy is the number of those trained before
    assert search(twice).finished
    assert _proposed(twice) == _proposed(replace(many, output_dir=tmp_path / "once"))
    assert trained == once
    assert not list(twice.output_dir.glob("trial-*"))


def test_a_search_says_nothing_of_its_tools(
    config: SearchConfig, trained: list[str], recwarn: pytest.WarningsRecorder
) -> None:
    search(config)
    assert [str(warning.message) for warning in recwarn] == []


def test_a_candidate_that_diverges_is_one_that_was_stopped_early(
    config: SearchConfig, trained: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def run(self: object) -> bool:
        if len(trained) == 1:
            raise loop.DivergedError("The loss is not finite.")
        return True

    monkeypatch.setattr(searching._ReportingTrainer, "run", run)
    result = search(config)
    assert (result.trained, result.stopped_early) == (2, 1)


def test_the_worse_half_is_stopped_early(config: SearchConfig, monkeypatch: pytest.MonkeyPatch) -> None:
    ends: list[int] = []

    def end_epoch(self: Trainer) -> None:
        self.epoch, self.step = self.epoch + 1, 0
        if self.epoch == 1:
            ends.append(0)
        ends[-1] = self.epoch
        self.history.append({"val_accuracy": 1 / len(ends)})  # every candidate worse than those before

    monkeypatch.setattr(Trainer, "_end_epoch", end_epoch)
    monkeypatch.setattr(Trainer, "_train_epoch", lambda *_: True)
    result = search(replace(config, trials=7, epochs=3))
    assert ends == [3, 3, 3, 3, 3, 2, 2]
    assert (result.trained, result.stopped_early, len(result.best)) == (7, 2, 5)


def _search(config: SearchConfig, results: multiprocessing.queues.Queue[SearchResult]) -> None:
    results.put(search(config))


@pytest.mark.slow
def test_processes_share_a_search(config: SearchConfig) -> None:
    config = replace(config, trials=4)
    context = multiprocessing.get_context("spawn")
    results = context.Queue()
    processes = [context.Process(target=_search, args=(config, results)) for _ in range(2)]
    for process in processes:
        process.start()
    answers = [results.get(timeout=600) for _ in processes]
    for process in processes:
        process.join()
    assert all(answer.finished for answer in answers)
    together = search(config)
    assert 4 <= together.trained <= 5  # both can be busy with the last one
    assert len({candidate.arch for candidate in together.best}) == together.trained - together.stopped_early


@pytest.mark.parametrize("option", ["trials", "epochs", "max_cycles", "max_weight_bytes", "threads", "limit"])
def test_numbers_that_make_no_sense_are_refused(option: str, tmp_path: Path) -> None:
    with pytest.raises(FerEdgeError, match=option.replace("_", "-")):
        SearchConfig("drawn", tmp_path, None, **{option: 0})


@pytest.mark.parametrize(
    ("option", "value"), [("weight_bits", 3), ("seed", -1), ("epochs", 10**11), ("trials", 10**11)]
)
def test_numbers_that_cannot_be_are_refused(option: str, value: int, tmp_path: Path) -> None:
    with pytest.raises(FerEdgeError, match=option.replace("_", "-")):
        SearchConfig("drawn", tmp_path, None, **{option: value})
