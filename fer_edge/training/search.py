"""`fer-edge search`: which chain of convolutions learns best within so many cycles and bytes of weights.

Optuna proposes depth and width of each stage. What does not find room on the accelerator, or is over the budgets by
`estimate`, is pruned before it is trained; the rest is trained for a few float epochs and judged on val. The study
lies in a SQLite file, so that it goes on where it was stopped and several processes can share it, or in a PostgreSQL
database, which several machines can share.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import importlib.util
import itertools
import logging
import math
import platform
import shutil
import sys
import warnings
import zlib
from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from tqdm import tqdm

from fer_edge import faces, models
from fer_edge.errors import FerEdgeError, NetworkError, not_installed
from fer_edge.estimate import estimate
from fer_edge.faces import Faces
from fer_edge.metrics import percent
from fer_edge.models import deployable
from fer_edge.network import IntegerNetwork
from fer_edge.synth.synthesize import estimate_placed
from fer_edge.training.config import SearchConfig, TrainConfig
from fer_edge.training.loop import DivergedError, Trainer

if TYPE_CHECKING:
    import optuna
    from optuna.trial import FrozenTrial, Trial

STAGES = ((24, 1, 3, 8, 64), (12, 1, 6, 16, 128), (6, 1, 6, 16, 128), (3, 0, 3, 16, 128))
"""Side of the map; fewest and most layers on it; smallest and largest width of them."""
WIDTH_STEP = 4
"""A layer's outputs begin at every fourth processor."""
NO_ROOM = 1.0
"""Share by which a network that does not fit the accelerator counts as over budget."""
FRUITLESS = 300
"""Candidates in a row without one to train after which the search is given up."""
REMARKED = 50
"""After this many candidates in a row without one to train, a line says so."""
SHOWN = 10
CONNECT_SECONDS = 10
"""A database that does not answer for that long is not there."""
HEARTBEAT_SECONDS = 60
"""How often a machine tells a shared database that it is still at work."""
_TABLES_LOCK = 78000  # whoever makes the tables holds it
SMALLEST = "chain_" + "_".join("-".join([str(width)] * depth) for _, depth, _, width, _ in STAGES if depth)
"""The candidate with the fewest weights and cycles."""


@dataclass(frozen=True)
class Candidate:
    """A network that was trained: its cost, and its accuracy on val (0 … 1) after the last epoch."""

    arch: str
    weight_bytes: int
    cycles: int
    val_accuracy: float


@dataclass(frozen=True)
class SearchResult:
    """Where a study stands. `finished`: as many trials as asked for are trained; `best`: the best first."""

    output_dir: Path
    weight_bits: int
    finished: bool
    trained: int
    stopped_early: int
    over_budget: int
    best: tuple[Candidate, ...]

    def to_dict(self) -> dict[str, Any]:
        """Plain values, for JSON."""
        return {**asdict(self), "output_dir": str(self.output_dir)}

    def report(self) -> str:
        """The best candidates and what to do with them, for the terminal."""
        lines = [
            f"candidates trained: {self.trained}, stopped early: {self.stopped_early};"
            f" over budget, not trained: {self.over_budget}"
        ]
        if self.best:
            lines += ["", f"{'val':>8}  {'cycles':>9}  {'weights':>9}"]
            lines += [f"{'measured':>8}  {'estimated':>9}  {'bytes':>9}  architecture"]
            lines += [
                f"{percent(c.val_accuracy):>8}  {c.cycles:>9,}  {c.weight_bytes:>9,}  {c.arch}" for c in self.best
            ]
            options = f"--arch {self.best[0].arch} --weight-bits {self.weight_bits}"
            lines += ["", f"  train it    fer-edge qat-train {options} --data ... --output-dir ..."]
        if not self.finished:
            lines.append("  stopped; the same command goes on.")
        return "\n".join(lines)


def search(config: SearchConfig) -> SearchResult:
    """Train candidates until `trials` of them are, then list the best.

    `output_dir` holds the study, search.db, unless `storage` names a database. Run again it goes on with it; run at the
    same time, processes share the work, and with a database machines do. Ctrl-C returns what is known so far.
    FerEdgeError if the study there is of other faces or budgets, ToolError without Optuna or the database's driver.
    """
    _check_budgets(config)
    with contextlib.ExitStack() as held:
        study = _open(config, held)
        if len(_trained(study)) < config.trials:
            if config.threads:
                torch.set_num_threads(config.threads)
            train, val = faces.train_and_val(config.data, config.limit, config.seed)
            _check_faces(config, study, train, val)
            with contextlib.suppress(KeyboardInterrupt), _database_errors(config), _place(config, study) as place:
                study.optimize(
                    lambda trial: _objective(config, study, place, trial, train, val),
                    callbacks=[lambda study, _: _stop_when_done(config, study)],
                )
        return _result(config, study)


def _stop_when_done(config: SearchConfig, study: optuna.Study) -> None:
    if len(_trained(study)) >= config.trials:
        study.stop()
    fruitless = 0
    for trial in reversed(study.get_trials(deepcopy=False)):
        if "candidate" in trial.user_attrs:
            break
        fruitless += 1
    if fruitless and fruitless % REMARKED == 0:
        tqdm.write(f"{fruitless} candidates in a row were known or over budget", file=sys.stderr)
    if fruitless >= FRUITLESS:
        raise FerEdgeError(
            f"Of the last {FRUITLESS} candidates none was new and within the budgets.",
            "Allow more cycles or weight bytes, or be content with what was found.",
        )


@contextlib.contextmanager
def _database_errors(config: SearchConfig) -> Iterator[None]:
    """FerEdgeError where a study that was open cannot be written to any more."""
    from sqlalchemy.exc import SQLAlchemyError

    try:
        yield
    except Exception as error:
        refused: BaseException | None = error  # Optuna raises other errors over that of the database
        while refused and not isinstance(refused, SQLAlchemyError):
            refused = refused.__cause__ or refused.__context__
        if refused is None:
            raise
        raise FerEdgeError(
            f"{_place_of(config)} cannot be written: {str(refused).splitlines()[0]}.",
            "Free some space, or put it back; then the same command goes on from the candidates in it.",
        ) from error


def _open(config: SearchConfig, held: contextlib.ExitStack) -> optuna.Study:
    """The study of `output_dir` or `storage`, begun if there is none; its connections are closed with `held`."""
    try:
        import optuna
        from sqlalchemy.exc import SQLAlchemyError
    except ImportError as error:
        raise not_installed("optuna") from error
    optuna.logging.set_verbosity(logging.WARNING)
    config.output_dir.mkdir(parents=True, exist_ok=True)
    try:
        storage = _shared_storage(config.storage) if config.storage else _own_storage(config)
        held.callback(storage.engine.dispose)
        held.callback(storage.remove_session)
        study = optuna.create_study(
            study_name="search",
            storage=storage,
            load_if_exists=True,
            direction="maximize",
            pruner=optuna.pruners.MedianPruner(n_startup_trials=5, n_warmup_steps=1 + config.epochs // 3),
        )
    except (SQLAlchemyError, optuna.exceptions.OptunaError) as error:
        raise FerEdgeError(
            f"{_place_of(config)} is no search that can be gone on with: {str(error).splitlines()[0]}.",
            f"Check that it can be reached, or start a new one in another {_option_of(config)}.",
        ) from error
    settings = {**config.comparable, "classes": list(faces.classes(config.data))}
    if config.storage:
        del settings["data"]  # it may lie elsewhere on each machine: the faces themselves are compared
    then = {"classes": list(faces.CLASSES), **study.user_attrs.get("settings", settings)}  # once there were no others
    if other := [key for key, value in settings.items() if then.get(key) != value]:
        texts = [f"{key} {then.get(key)}, not {settings[key]}" for key in sorted(other)]
        raise FerEdgeError(
            f"The search in {_place_of(config)} was started with {'; '.join(texts)}.",
            f"Go on with the same settings, or start a new one in another {_option_of(config)}.",
        )
    study.set_user_attr("settings", settings)
    return study


def _own_storage(config: SearchConfig) -> optuna.storages.RDBStorage:
    """A SQLite file in the output folder. Two processes that make its tables at once would get in each other's way."""
    import optuna

    with (config.output_dir / "search.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        return optuna.storages.RDBStorage(
            f"sqlite:///{config.output_dir / 'search.db'}", engine_kwargs={"connect_args": {"timeout": 60}}
        )


def _shared_storage(url: str) -> optuna.storages.RDBStorage:
    """A PostgreSQL database. What a machine that died was at is given up when its heartbeat has ceased."""
    import optuna
    import sqlalchemy

    if importlib.util.find_spec("psycopg") is None:
        raise not_installed("psycopg")
    address = sqlalchemy.make_url(url).set(drivername="postgresql+psycopg")
    options = {"connect_args": {"connect_timeout": CONNECT_SECONDS}, "pool_pre_ping": True}  # trainings take minutes
    engine = sqlalchemy.create_engine(address, **options)
    try:
        with engine.connect() as alone, warnings.catch_warnings():  # a lock that ends with the connection
            warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)  # of heartbeats
            alone.execute(sqlalchemy.text(f"SELECT pg_advisory_lock({_TABLES_LOCK})"))
            return optuna.storages.RDBStorage(
                address.render_as_string(hide_password=False),
                engine_kwargs=options,
                heartbeat_interval=HEARTBEAT_SECONDS,
                grace_period=3 * HEARTBEAT_SECONDS,
            )
    finally:
        engine.dispose()


def _place_of(config: SearchConfig) -> str:
    """Where the study lies, in words, without a password."""
    if config.storage is None:
        return str(config.output_dir / "search.db")
    import sqlalchemy

    return sqlalchemy.make_url(config.storage).render_as_string(hide_password=True)


def _option_of(config: SearchConfig) -> str:
    return "--storage" if config.storage else "--output-dir"


def _check_faces(config: SearchConfig, study: optuna.Study, train: Faces, val: Faces) -> None:
    """FerEdgeError where another machine has other faces."""
    if config.storage is None:
        return
    digest = hashlib.sha256()
    for part in (train, val):
        digest.update(np.ascontiguousarray(part.images).tobytes() + part.labels.astype("<i8").tobytes())
    if study.user_attrs.get("faces", digest.hexdigest()) != digest.hexdigest():
        raise FerEdgeError(
            f"The search in {_place_of(config)} was started with other faces than {config.data}.",
            "Give the same faces, or start a new one in another --storage.",
        )
    study.set_user_attr("faces", digest.hexdigest())


def _machine(config: SearchConfig) -> str:
    """This output folder, among those of all machines that share a study; empty where only this one has it."""
    return f"{platform.node()}:{config.output_dir.resolve()}" if config.storage else ""


@contextlib.contextmanager
def _place(config: SearchConfig, study: optuna.Study) -> Iterator[int]:
    """The lowest number that no other process has that searches in this folder, held until the end.

    The others that are free belonged to processes that have ended: what was left of their trials is cleared away.
    """
    import optuna

    mine, busy = None, set()
    with contextlib.ExitStack() as held:
        for place in itertools.count():
            path = config.output_dir / f"process-{place}.lock"
            if mine is not None and not path.exists():
                break
            lock = path.open("w")
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                lock.close()
                busy.add(place)
                continue
            shutil.rmtree(_trial_folder(config, place), ignore_errors=True)
            if mine is None:
                mine = place
                held.enter_context(lock)
            else:
                lock.close()
        for trial in study.get_trials(deepcopy=False, states=(optuna.trial.TrialState.RUNNING,)):
            if trial.user_attrs.get("machine", "") != _machine(config):
                continue  # another machine's, whose heartbeat tells whether it is at work
            # One that was killed before it got as far as to say whose it is, is anybody's while others are at work.
            if (trial.user_attrs["process"] not in busy) if "process" in trial.user_attrs else not busy:
                study.tell(trial.number, state=optuna.trial.TrialState.FAIL)
        assert mine is not None
        yield mine


def _trial_folder(config: SearchConfig, place: int) -> Path:
    return config.output_dir / f"trial-{place}"


def _seed_sampler(config: SearchConfig, study: optuna.Study, place: int) -> None:
    """Let what is proposed next depend on the seed, the finished trials, machine and process's place alone.

    So a search that was stopped proposes what it would have, and processes side by side propose different candidates.
    """
    import optuna

    finished = sum(trial.state.name in ("COMPLETE", "PRUNED") for trial in study.get_trials(deepcopy=False))
    machine = zlib.crc32(_machine(config).encode())  # 0 of an empty one
    entropy = np.random.SeedSequence((config.seed, place, finished, *([machine] if machine else [])))
    study.sampler = optuna.samplers.TPESampler(seed=int(entropy.generate_state(1)[0]))


def _check_budgets(config: SearchConfig) -> None:
    """FerEdgeError where no candidate at all is within the budgets."""
    weight_bytes, cycles, over = cost(config, SMALLEST)
    if over:
        raise FerEdgeError(
            f"The smallest network of this search, {SMALLEST}, has {weight_bytes:,} weight bytes and takes"
            f" {cycles:,} cycles (estimated).",
            "Allow as many at least, by --max-weight-bytes and --max-cycles.",
        )


def propose(trial: Trial) -> str:
    """A chain or residual chain: how many layers each stage has, and how wide they are."""
    kind = trial.suggest_categorical("kind", ["chain", "res"])
    stages = []
    for size, fewest, most, narrowest, widest in STAGES:
        depth = trial.suggest_int(f"depth{size}", fewest, most)
        width = trial.suggest_int(f"width{size}", narrowest, widest, step=WIDTH_STEP)
        if depth:
            stages.append("-".join([str(width)] * depth))
    return f"{kind}_{'_'.join(stages)}"


def cost(config: SearchConfig, arch: str) -> tuple[int, int, float]:
    """Weight bytes, cycles, and by what share the network is over budget; 0 if it is not and finds room."""
    classes = faces.classes(config.data)
    try:
        sketch = deployable.blueprint(arch, "1", classes)  # its cost can be told even where its weights are too many
        weights = sum(layer.weight.size for layer in sketch.layers if layer.weight is not None)
        weight_bytes, cycles = weights * config.weight_bits // 8, estimate(sketch).cycles
        if not (over := _over(config, weight_bytes, cycles)):
            network = deployable.blueprint(arch, str(config.weight_bits), classes)
            cycles = estimate_placed(_with_biases(network))[1].cycles
            over = _over(config, weight_bytes, cycles)
    except NetworkError:
        return 0, 0, NO_ROOM
    return weight_bytes, cycles, over


def _over(config: SearchConfig, weight_bytes: int, cycles: int) -> float:
    return max(0, weight_bytes / config.max_weight_bytes - 1, cycles / (config.max_cycles or math.inf) - 1)


def _with_biases(network: IntegerNetwork) -> IntegerNetwork:
    """The network as if trained: biases of zero, or of the same values, would take no memory of their own."""
    layers = (
        layer if layer.bias is None else replace(layer, bias=np.full_like(layer.bias, 1 + index))
        for index, layer in enumerate(network.layers)
    )
    return replace(network, layers=tuple(layers))


def _objective(config: SearchConfig, study: optuna.Study, place: int, trial: Trial, train: Faces, val: Faces) -> float:
    """Val accuracy of what `trial` proposes. TrialPruned where it is over budget, or clearly worse than others."""
    import optuna

    _seed_sampler(config, study, place)
    arch = propose(trial)
    weight_bytes, cycles, over = cost(config, arch)
    trial.set_constraint("budget", over)  # so that the sampler learns where the limits lie
    if over:
        raise optuna.TrialPruned
    for earlier in _trained(study):
        if earlier.user_attrs["candidate"]["arch"] == arch:
            if earlier.state.name == "PRUNED" or earlier.value is None:
                raise optuna.TrialPruned
            return earlier.value
    trial.set_user_attr("process", place)
    trial.set_user_attr("machine", _machine(config))
    trial.set_user_attr("candidate", {"arch": arch, "weight_bytes": weight_bytes, "cycles": cycles})
    torch.manual_seed(config.seed)
    model = models.build(arch, str(config.weight_bits), train.classes)  # with other bits it may not fit
    folder = _trial_folder(config, place)
    try:
        settings = TrainConfig(
            arch, config.data, folder, epochs=config.epochs, qat_epochs=0, seed=config.seed, limit=config.limit
        )
        device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
        trainer = _ReportingTrainer(settings, model, train, val, device)
        trainer.trial = trial
        tqdm.write(f"trial {trial.number}: {arch}", file=sys.stderr)
        if not trainer.run():
            raise KeyboardInterrupt
    except DivergedError as error:
        tqdm.write(f"trial {trial.number}: {error.what}", file=sys.stderr)
        raise optuna.TrialPruned from error
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    result: float = trainer.history[-1]["val_accuracy"]
    return result


class _ReportingTrainer(Trainer):
    """Tells `trial` the val accuracy after each epoch and stops when the trial is to be pruned."""

    trial: Trial

    def _end_epoch(self) -> None:
        import optuna

        super()._end_epoch()
        self.trial.report(self.history[-1]["val_accuracy"], self.epoch)
        if self.epoch < self.config.epochs and self.trial.should_prune():
            raise optuna.TrialPruned


def _trained(study: optuna.Study) -> list[FrozenTrial]:
    """The trials that were trained, to the end or until they were pruned."""
    return [
        trial
        for trial in study.get_trials(deepcopy=False)
        if "candidate" in trial.user_attrs and trial.state.name in ("COMPLETE", "PRUNED")
    ]


def _result(config: SearchConfig, study: optuna.Study) -> SearchResult:
    trained = _trained(study)
    complete = [trial for trial in trained if trial.state.name == "COMPLETE"]
    candidates = [
        Candidate(**trial.user_attrs["candidate"], val_accuracy=accuracy)
        for trial in complete
        if (accuracy := trial.value) is not None
    ]
    over = [trial for trial in study.trials if any(value > 0 for value in trial.constraints.values())]
    return SearchResult(
        config.output_dir,
        config.weight_bits,
        finished=len(trained) >= config.trials,
        trained=len(trained),
        stopped_early=len(trained) - len(complete),
        over_budget=len(over),
        best=tuple(sorted(candidates, key=lambda c: -c.val_accuracy)[:SHOWN]),
    )
