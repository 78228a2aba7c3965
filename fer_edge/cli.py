"""The command line: parse arguments, call one function, print."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from contextlib import suppress
from dataclasses import MISSING
from pathlib import Path
from typing import Any, Literal, get_args, get_origin, get_type_hints

import click
from click.core import ParameterSource

from fer_edge import __version__, files
from fer_edge.bench.meters import METER_FORMS
from fer_edge.bench.protocol import Rest, Wait
from fer_edge.errors import EXTRAS, FerEdgeError, not_installed
from fer_edge.registers import BUTTONS
from fer_edge.terminal import shown
from fer_edge.training.config import MAX_SEED, SearchConfig, TrainConfig
from fer_edge.training.options import DATA_HELP, LABELS_HELP, LIMIT_HELP, SEED_HELP, Option, flag, options_of

PathType = click.Path(path_type=Path)
INTERRUPTED = 130
"""Exit status after Ctrl-C, as the shell's, so that no `&&` goes on with half a result."""


class OutputPath(click.Path):
    """Where a command writes: refused before it has begun to work where that cannot be.

    `ending`: of a file's name, so that a slip does not put a picture in the place of a checkpoint.
    """

    def __init__(self, *, folder: bool = False, ending: str = "") -> None:
        super().__init__(path_type=Path)
        self._folder = folder
        self._ending = ending

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Path:
        if not str(value):
            self.fail("it is empty.", param, ctx)
        path = Path(value)
        files.check_output(path, folder=self._folder)
        if not path.name.lower().endswith(self._ending):
            self.fail(f"{value} does not end in {self._ending}.", param, ctx)
        return path


OutputFolder, OutputFile = OutputPath(folder=True), OutputPath()
HtmlFile, JsonFile, PngFile, VcdFile = (OutputPath(ending=ending) for ending in (".html", ".json", ".png", ".vcd"))


class Group(click.Group):
    """Commands in the order of the work, and one place where errors become one message and exit status 1."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(self.commands)

    def main(self, *args: Any, **kwargs: Any) -> Any:
        try:
            return super().main(*args, **kwargs)
        except OSError as error:  # not only of commands: `--help` fills a disk, too
            with suppress(OSError):
                echo(f"fer-edge: {files.refusal(error)}", err=True)
            sys.exit(1)

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except FerEdgeError as error:
            echo(f"fer-edge: {error}", err=True)
            ctx.exit(1)
        except ModuleNotFoundError as error:
            if error.name not in EXTRAS:
                raise
            echo(f"fer-edge: {not_installed(error.name)}", err=True)
            ctx.exit(1)
        except KeyboardInterrupt:
            click.echo("fer-edge: interrupted.", err=True)
            ctx.exit(INTERRUPTED)


def echo(text: str, err: bool = False) -> None:
    """Print, with control characters in writing."""
    try:
        click.echo(shown(text), err=err)
    except OSError as error:
        error.filename = "standard output"
        raise


def _written(path: Path, as_json: bool) -> None:
    """Name a file or folder that was written besides; on standard error where standard output is JSON."""
    echo(f"written: {path}", err=as_json)


@click.group(cls=Group, context_settings={"help_option_names": ["-h", "--help"], "show_default": True})
@click.version_option(__version__, prog_name="fer-edge")
def main() -> None:
    """Facial-emotion recognition on the MAX78000: from a folder of faces to energy per inference.

    \b
    fer-edge qat-train --data FER2013 --output-dir runs/nano
    fer-edge synth --checkpoint runs/nano/quantized.pth.tar --output-dir synth_out/nano
    fer-edge firmware --network synth_out/nano --output-dir build && fer-edge flash build
    fer-edge bench --port /dev/ttyACM0 --network synth_out/nano --data FER2013
    """


NETWORK_HELP = "Folder written by synth or qat-train, a quantized checkpoint, or zoo:NAME."
labels_option = click.option("--labels", type=PathType, help=LABELS_HELP)
SPLITS = click.Choice(["train", "val", "test", "private"])
json_option = click.option("--json", "as_json", is_flag=True, help="Print the result as JSON.")
MIRROR_HELP = "Infer each face twice, as it is and mirrored, and add up the logits."
LENS_HELP = "Lens of the camera: none, moderate, or effects as offset=3,scale=0.1,blur=0.7,noise=4,gain=0.2,light=0.3."
limit_option = click.option("--limit", type=click.IntRange(min=1), help=LIMIT_HELP)
seed_option = click.option("--seed", type=click.IntRange(0, MAX_SEED), default=0, help=SEED_HELP)


@main.group()
def data() -> None:
    """Look at a set of faces.

    \b
    fer-edge data check FER2013
    """


@data.command("check")
@click.argument("path")
@labels_option
@json_option
def data_check(path: str, labels: Path | None, as_json: bool) -> None:
    """Count faces per class and split; find near-duplicates, blank and unreadable images.

    Exits with status 1 where something is unreadable or misplaced. Training would refuse it, but for malformed lines of
    a CSV file, which it leaves out and names if they are 1 % or less.

    \b
    fer-edge data check FER2013 --labels fer2013new.csv
    """
    from fer_edge.faces import check

    report = check.check(path, labels)
    echo(json.dumps(report, indent=2) if as_json else check.render(report))
    if report["problems"]:
        sys.exit(1)


Command = Callable[..., None]


def _typed(*names: str) -> list[str]:
    """The options on the command line, of `names` if there are any."""
    context = click.get_current_context()
    return [
        option.opts[0]
        for option in context.command.params
        if option.name in (names or context.params)
        and context.get_parameter_source(str(option.name)) is ParameterSource.COMMANDLINE
    ]


def config_options(config: type, command: str) -> Callable[[Command], Command]:
    """The options of a command, as the fields of its configuration have them."""
    types = get_type_hints(config)

    def decorate(function: Command) -> Command:
        for name, default, about in reversed(list(options_of(config))):
            if not about.hidden and (not about.commands or command in about.commands):
                function = _option(name, types[name], default, about)(function)
        return function

    return decorate


def _option(name: str, hint: Any, default: Any, about: Option) -> Callable[[Command], Command]:
    said = flag(name, about)
    if hint is bool:
        return click.option(
            f"{said}/--no-{said[2:]}" if default else said, name, is_flag=True, default=default, help=about.help
        )
    several = get_origin(hint) is tuple
    if get_origin(hint) is Literal:
        kind: Any = click.Choice(get_args(hint))
    elif about.output:
        kind = OutputFolder
    else:
        kind = next(known for known in (int, float, str, Path) if known in (hint, *get_args(hint)))
        kind = PathType if kind is Path else kind
    details: dict[str, Any] = {"type": kind, "help": about.help, "multiple": several}
    if about.unset:
        details["help"] += f"  [default: {about.unset}]"
    if about.without_value:
        details |= {"is_flag": False, "flag_value": about.without_value, "metavar": "[FILE]"}
    if default is MISSING:
        return click.option(said, name, required=True, **details)
    return click.option(said, name, **details, **({} if default is None or several else {"default": default}))


RECIPE_HELP = "Options of a shipped network, as zoo/fernet; yours go before them."


@main.command("list")
@json_option
def list_(as_json: bool) -> None:
    """List the architectures to train and the trained networks that come with fer-edge.

    \b
    fer-edge list --json
    """
    from fer_edge.compare import listing

    listed = listing.listing()
    echo(json.dumps(listed, indent=2) if as_json else listing.render(listed))


@main.command()
@config_options(SearchConfig, "search")
@json_option
def search(as_json: bool, **options: Any) -> None:
    """Search for an architecture that fits; several processes may share an --output-dir.

    \b
    fer-edge search --data FER2013 --max-cycles 75400 --output-dir runs/search
    """
    config = SearchConfig(**options)  # what is wrong with it is said before torch is imported
    from fer_edge.training import search as searching

    result = searching.search(config)
    echo(json.dumps(result.to_dict(), indent=2) if as_json else result.report())
    if not result.finished:  # only Ctrl-C ends it before
        sys.exit(INTERRUPTED)


@main.command("qat-train")
@click.option("--arch", help="Architecture; see `fer-edge list`.  [default: fernet-nano]")
@click.option("--recipe", help=RECIPE_HELP)
@config_options(TrainConfig, "qat-train")
@json_option
def qat_train(as_json: bool, recipe: str | None, arch: str | None, **given: Any) -> None:
    """Train a deployable network: float epochs, batch-norm folding, quantization-aware epochs, quantization.

    \b
    fer-edge qat-train --arch fernet-nano --data FER2013 --epochs 40 --output-dir runs/nano
    """
    if given["qat_epochs"] == 0:
        raise click.UsageError("--qat-epochs is 0. Use `fer-edge train` for floating point alone.")
    _train(as_json, recipe, arch or (None if recipe else "fernet-nano"), given)


@main.command()
@click.option("--arch", help="Architecture, with its own defaults; see `fer-edge list`.")
@click.option("--recipe", help=RECIPE_HELP)
@config_options(TrainConfig, "train")
@json_option
def train(as_json: bool, recipe: str | None, arch: str | None, **given: Any) -> None:
    """Train any network in floating point: references, teachers, float twins.

    \b
    fer-edge train --arch cnn-585k --data FER2013 --epochs 40 --output-dir runs/cnn-585k
    torchrun --nproc-per-node 2 -m fer_edge.cli train --arch resnet50 --data FER2013 --output-dir runs/resnet50
    """
    _train(as_json, recipe, arch, given, qat_epochs=0)


def _train(as_json: bool, recipe: str | None, arch: str | None, values: dict[str, Any], **fixed: int) -> None:
    from fer_edge import models
    from fer_edge.training import recipe as recipes
    from fer_edge.training import request

    source = click.get_current_context().get_parameter_source
    given = {name: value for name, value in values.items() if source(name) is not ParameterSource.DEFAULT} | fixed
    if recipe is not None and arch is None:
        result = recipes.run(recipe, **given)
    elif arch is not None and recipe is None:
        config = TrainConfig(arch, **{**models.get(arch).settings, **given})
        request.check(config)
        from fer_edge.training.train import run_training  # seconds, for torch

        result = run_training(config)
    else:
        raise click.UsageError("Give either --arch or --recipe.")
    from fer_edge.training import parallel

    if parallel.rank() == 0:
        echo(json.dumps(result.to_dict(), indent=2) if as_json else result.report())
    if result.interrupted:
        sys.exit(INTERRUPTED)


@main.command()
@click.option("--checkpoint", type=PathType, required=True, help="Checkpoint of qat-train, float or QAT.")
@click.option("--data", help=DATA_HELP + " A float checkpoint is calibrated on it; scores before and after.")
@labels_option
@click.option("--output", type=OutputFile, required=True, help="Quantized checkpoint to write.")
@limit_option
@seed_option
@json_option
def quantize(checkpoint: Path, output: Path, as_json: bool, **options: Any) -> None:
    """Fold batch norm and quantize a checkpoint: as trained if quantization-aware, else by calibration.

    \b
    fer-edge quantize --checkpoint runs/nano/float.pth.tar --data FER2013 --output quantized.pth.tar
    """
    from fer_edge.training import quantize as quantization

    result = quantization.quantize(checkpoint, output, **options)
    echo(json.dumps(result.to_dict(), indent=2) if as_json else result.report())


@main.command()
@click.option("--checkpoint", type=PathType, help="Checkpoint of qat-train.")
@click.option("--network", type=PathType, help=NETWORK_HELP)
@click.option("--data", required=True, help=DATA_HELP)
@labels_option
@click.option("--split", type=SPLITS, default="test", help="Split that the faces are taken from.")
@click.option(
    "--mode", type=click.Choice(["float", "qat", "integer"]), default="integer", help="Arithmetic of the network."
)
@click.option("--lens", help="Score what the board's camera would make of the faces, through this lens.")
@click.option("--mirror", is_flag=True, help=MIRROR_HELP)
@limit_option
@seed_option
@json_option
def evaluate(checkpoint: Path | None, network: Path | None, as_json: bool, **options: Any) -> None:
    """Measure accuracy, per-class scores and confusion of a network, as the accelerator computes it.

    \b
    fer-edge evaluate --checkpoint runs/nano/quantized.pth.tar --data FER2013 --split test
    fer-edge evaluate --network zoo:fernet-fast --data FER2013 --lens moderate
    """
    from fer_edge.load import load_network
    from fer_edge.training import evaluate as evaluation

    if (checkpoint is None) == (network is None):
        raise click.UsageError("Give either --checkpoint or --network.")
    source = checkpoint if network is None else load_network(network)
    result = evaluation.evaluate(source, **options)  # type: ignore[arg-type]
    named = str(checkpoint or network)
    echo(json.dumps({"network": named} | result, indent=2) if as_json else f"{named}: {evaluation.render(result)}")


@main.command()
@click.argument("networks", nargs=-1, required=True)
@click.option("--data", required=True, help=DATA_HELP)
@labels_option
@click.option("--split", type=SPLITS, default="test", help="Split that the faces are taken from.")
@click.option("--port", type=click.Choice(["virtual"]), help="Run deployable networks on the virtual board too.")
@click.option("--html", type=HtmlFile, help="Write the comparison as one HTML file.")
@limit_option
@seed_option
@json_option
def compare(networks: tuple[str, ...], html: Path | None, as_json: bool, **options: Any) -> None:
    """Compare any networks on the same faces: accuracy, size, operations, latency, energy, confusion.

    NETWORKS are folders or checkpoints of train or qat-train, folders of synth, or zoo:NAME.

    \b
    fer-edge compare zoo:fernet runs/cnn-585k runs/csnn --data FER2013 --html compare.html
    """
    from fer_edge.compare import networks as comparing
    from fer_edge.compare import networks_page

    comparison = comparing.compare(networks, **options)
    echo(json.dumps(comparison.to_dict(), indent=2) if as_json else networks_page.render(comparison))
    if html is not None:  # last: a disk that has filled up since takes nothing but the page
        networks_page.write_html(comparison, html)
        _written(html, as_json)
    if comparison.missing:  # Ctrl-C
        sys.exit(INTERRUPTED)


@main.command()
@click.option("--checkpoint", type=PathType, required=True, help="Quantized checkpoint (.pth.tar) or ONNX model.")
@click.option("--yaml", "description", type=PathType, help="Network description; without it the network is placed.")
@click.option("--sample-input", type=PathType, help="Known-answer input (.npy, channels × rows × columns, −128…127).")
@click.option("--avg-pool-rounding", is_flag=True, help="Average pooling rounds to nearest instead of truncating.")
@click.option("--output-dir", type=OutputFolder, required=True, help="Where the files go.")
@click.option(
    "--backend",
    type=click.Choice(["fer-edge", "ai8xize"]),
    default="fer-edge",
    help="ai8xize: also run the vendor's tool on the files, and compare.",
)
@click.option(
    "--ai8x-synthesis", "checkout", type=PathType, help="Your checkout of the vendor's tool, for --backend ai8xize."
)
@click.option("--msdk", type=OutputFolder, help="Also write a project for the vendor's SDK there: Makefile, main.c.")
@click.option(
    "--python", help="Python to run the vendor's tool with.  [default: the checkout's .venv or venv, else this one]"
)
@json_option
def synth(
    checkpoint: Path,
    description: Path | None,
    sample_input: Path | None,
    avg_pool_rounding: bool,
    output_dir: Path,
    backend: str,
    checkout: Path | None,
    msdk: Path | None,
    python: str | None,
    as_json: bool,
) -> None:
    """Turn a quantized checkpoint into ONNX, YAML and the C code that programs the accelerator.

    \b
    fer-edge synth --checkpoint runs/nano/quantized.pth.tar --output-dir synth_out/nano
    """
    from fer_edge.load import load_for_synthesis
    from fer_edge.synth.msdk import export
    from fer_edge.synth.synthesize import synthesize

    if (backend == "ai8xize") != (checkout is not None):
        raise click.UsageError("--backend ai8xize and --ai8x-synthesis DIR belong together.")
    if checkout is not None:
        from fer_edge.synth.ai8xize import Tool

        tool = Tool.find(checkout, python)
    placed, sample = load_for_synthesis(
        checkpoint,
        description=description,
        sample_path=sample_input,
        avg_pool_rounding=avg_pool_rounding,
        say=lambda line: echo(line, err=True),
    )
    result = synthesize(placed, output_dir, sample=sample)
    if msdk is not None:
        export(output_dir, msdk)
    found, text, same = result.to_dict(), result.summary(), True
    if checkout is not None:
        comparison = tool.run(result, lambda line: echo(line, err=True))
        found["ai8xize"], same = comparison.to_dict(), comparison.same
        text += f"\n{comparison.summary()}"
    echo(json.dumps(found, indent=2) if as_json else text)
    if msdk is not None:
        _written(msdk, as_json)
    if not same:
        sys.exit(1)


@main.command()
@click.argument("network", type=PathType, required=False)
@click.option("--arch", help="An architecture, before any training.")
@click.option("--rate", type=float, help="Frames a second: also estimate a whole frame, sleep included.")
@click.option("--camera", is_flag=True, help="With --rate: a frame begins with a capture by the camera.")
@click.option("--battery", type=float, metavar="MAH", help="With --rate: how long a battery lasts.")
@click.option("--battery-volts", type=float, metavar="V", help="Voltage of the battery.")
@click.option("--chart", type=HtmlFile, help="With --rate: write the frame as an HTML page with charts.")
@json_option
def estimate(
    network: Path | None,
    arch: str | None,
    rate: float | None,
    camera: bool,
    battery: float | None,
    battery_volts: float | None,
    chart: Path | None,
    as_json: bool,
) -> None:
    """Estimate cycles, latency, memory and energy of a network, layer by layer; of a whole frame, with --rate.

    \b
    fer-edge estimate --arch fernet-nano
    fer-edge estimate zoo:fernet --rate 2 --camera --battery 500 --battery-volts 3.7 --chart frame.html
    """
    from dataclasses import asdict

    from fer_edge import frame, frame_page
    from fer_edge.load import load_network
    from fer_edge.models.deployable import blueprint
    from fer_edge.synth import overview
    from fer_edge.synth.synthesize import estimate_placed

    if (network is None) == (arch is None):
        raise click.UsageError("Give either a network or --arch.")
    if rate is None and (camera or chart or battery is not None or battery_volts is not None):
        raise click.UsageError("--camera, --battery, --battery-volts and --chart need --rate.")
    if (battery is None) != (battery_volts is None):
        raise click.UsageError("--battery and --battery-volts go together.")
    whole = blueprint(arch) if arch else load_network(network)  # type: ignore[arg-type]
    table, cost = estimate_placed(whole)
    found: dict[str, Any] = {"layers": [asdict(row) for row in table], "estimate": cost.to_dict()}
    text = overview.render(table, cost)
    if rate is not None:
        cell = None if battery is None or battery_volts is None else (battery, battery_volts)
        of_frame = frame.frame(whole, cost, rate, camera=camera, battery=cell)
        found["frame"] = of_frame.to_dict()
        text += f"\n\n{frame.summary(of_frame)}"
        if chart:
            frame_page.write(chart, of_frame, cost)
    echo(json.dumps(found, indent=2) if as_json else text)
    if chart is not None:
        _written(chart, as_json)


@main.command()
@click.option("--network", type=PathType, required=True, help=NETWORK_HELP)
@click.option("--output-dir", type=OutputFolder, required=True, help="Where fer_edge.elf, .hex and .bin go.")
@click.option("--mirror", is_flag=True, help=MIRROR_HELP)
def firmware(network: Path, output_dir: Path, mirror: bool) -> None:
    """Build the firmware with a network inside; takes make and Arm's compiler (Debian: gcc-arm-none-eabi).

    \b
    fer-edge firmware --network zoo:fernet-nano --output-dir build
    """
    from fer_edge.firmware import build
    from fer_edge.load import load_network

    echo(build(load_network(network), network, output_dir, mirror))


@main.command()
@click.argument("folder", type=PathType)
def flash(folder: Path) -> None:
    """Put the firmware in FOLDER on a MAX78000FTHR: by its DAPLink drive, openocd or pyocd.

    \b
    fer-edge flash build
    """
    from fer_edge.flash import flash as flash_board

    echo(flash_board(folder))


TRACE_HELP = "Write what the virtual board did, and its estimated energy, for ui.perfetto.dev or chrome://tracing."


@main.command()
@click.argument("elf", type=PathType)
@click.option("--hold", type=click.Choice(list(BUTTONS)), multiple=True, help="A button held down from power-on.")
@click.option(
    "--idle-limit",
    type=click.FloatRange(min=0, min_open=True),
    default=60.0,
    show_default=True,
    help="Seconds after which a wait that nothing can end ends the run.",
)
@click.option("--camera", help=f"What the camera sees: an image, a folder of images, or faces. {DATA_HELP}")
@click.option("--split", type=SPLITS, default="test", help="Which faces the camera sees.")
@click.option("--lens", default="none", help=LENS_HELP)
@click.option(
    "--picture-seconds",
    type=click.FloatRange(min=0),
    default=1.0,
    help="How long the camera sees a picture, in the board's time; 0 for the first until `show` is typed.",
)
@click.option(
    "--gdb",
    type=click.IntRange(0, 65535),
    metavar="PORT",
    help="Where gdb may connect, on this computer only: target remote :PORT. 0 takes a free port and says which.",
)
@click.option("--trace", type=JsonFile, help=TRACE_HELP)
@click.option("--vcd", type=VcdFile, help="Write what it did as signals, for GTKWave and PulseView.")
@click.option("--trace-calls", is_flag=True, help="Also the functions of ELF, in time exact to the cycle; slower.")
@seed_option
def board(
    elf: Path,
    hold: tuple[str, ...],
    idle_limit: float,
    camera: str | None,
    split: str,
    lens: str,
    picture_seconds: float,
    gdb: int | None,
    trace: Path | None,
    vcd: Path | None,
    trace_calls: bool,
    seed: int,
) -> None:
    """Run firmware on the virtual MAX78000FTHR, behind a serial port; Ctrl-C ends it.

    While it runs, type sw1 or sw2 to press a button, `hold sw1` to keep it down, `release sw1` to let go, and `show 5`
    to have the camera see picture 5, counted from 0.

    \b
    fer-edge board build/fer_edge.elf --hold sw1
    fer-edge board build/fer_edge.elf --camera FER2013 --lens moderate
    fer-edge board build/fer_edge.elf --gdb 3333
    fer-edge board build/fer_edge.elf --trace run.json --vcd run.vcd
    """
    from fer_edge.board import Options, serve, use_one_thread

    if camera is None and (unused := _typed("lens", "split", "picture_seconds", "seed")):
        raise click.UsageError(f"{unused[0]} wants --camera.")
    if trace_calls and (gdb is not None or (trace is None and vcd is None)):
        raise click.UsageError("--trace-calls goes with --trace or --vcd, and not with --gdb, which counts for itself.")
    use_one_thread()
    from fer_edge import timeline
    from fer_edge.faces import scenes
    from fer_edge.faces.lens import Lens

    with (
        scenes.written(camera, Lens.parse(lens), seed, split) as pictures,
        timeline.recorded(trace, vcd) as recording,
    ):
        options = Options(
            hold=hold,
            idle_limit=idle_limit,
            pictures=pictures,
            picture_seconds=picture_seconds,
            recording=recording,
            record_calls=trace_calls,
        )
        serve(elf, on_ready=echo, options=options, console=sys.stdin, gdb=gdb)


PORT_HELP = "Serial port, pyserial URL, `auto` (finds a MAX78000FTHR by USB) or `virtual`."


@main.command()
@click.option(
    "--port",
    "named",
    envvar="FER_EDGE_PORT",
    multiple=True,
    help=PORT_HELP + " May repeat, and `virtual:N` starts N: the boards share the faces.  [env: FER_EDGE_PORT]",
)
@click.option("--network", type=PathType, help=NETWORK_HELP)
@click.option("--data", help=DATA_HELP)
@labels_option
@click.option("--split", type=SPLITS, default="test", help="Split that the faces are taken from.")
@click.option(
    "--output-dir", type=OutputFolder, help="Where answers and report go.  [default: bench_out/NETWORK-HASH-RUN]"
)
@click.option(
    "--meter",
    help=f"What measures energy: {METER_FORMS}.  [default: typed with --current, else estimator]",
)
@click.option("--current", help="Typed figure with its unit, as 3.16mA.")
@click.option("--voltage", help="Typed figure with its unit, as 5V.")
@click.option("--idle-current", help="Typed figure with its unit, for the energy net of idling.")
@click.option("--inference-time", help="Typed figure with its unit, as 1.516ms.")
@click.option("--boundary", help="What the measured supply feeds, in your words.")
@click.option("--through-camera", is_flag=True, help="Also show each face to the board's camera: docs/camera.md.")
@click.option("--lens", help=LENS_HELP + "  [default: moderate on the virtual board, none before a real lens]")
@click.option("--mirror", is_flag=True, help=MIRROR_HELP)
@click.option("--trace", type=JsonFile, help=TRACE_HELP)
@click.option(
    "--rate", "rates", type=float, multiple=True, metavar="HZ", help="Also run so many frames a second; may repeat."
)
@click.option(
    "--modes", is_flag=True, help="The same in all power modes and clocks.  [default rates: 0.1, 1, 5, 15, 30]"
)
@click.option(
    "--wait",
    type=click.Choice([w.name.lower() for w in Wait]),
    help="With --rate: how the processor waits.  [default: sleep]",
)
@click.option(
    "--rest",
    type=click.Choice([r.name.lower() for r in Rest]),
    help="With --rate: the accelerator meanwhile.  [default: both it can]",
)
@click.option("--clock", type=click.Choice(["100", "60"]), help="With --rate: MHz of the processor.  [default: 100]")
@click.option("--battery", type=float, metavar="MAH", help="With --rate or --modes: how long a battery lasts.")
@click.option("--battery-volts", type=float, metavar="V", help="Voltage of the battery.")
@click.option("--compare", nargs=2, type=PathType, help="Set two reports side by side instead; needs nothing else.")
@limit_option
@seed_option
@json_option
def bench(
    named: tuple[str, ...],
    network: Path | None,
    data: str | None,
    compare: tuple[Path, Path] | None,
    as_json: bool,
    meter: str | None,
    current: str | None,
    voltage: str | None,
    idle_current: str | None,
    inference_time: str | None,
    boundary: str | None,
    rates: tuple[float, ...],
    modes: bool,
    wait: str | None,
    rest: str | None,
    clock: str | None,
    battery: float | None,
    battery_volts: float | None,
    **options: Any,
) -> None:
    """Measure a board: accuracy, latency and energy, every logit compared with the simulator.

    \b
    fer-edge bench --port /dev/ttyACM0 --network synth_out/nano --data FER2013
    fer-edge bench --port virtual --network synth_out/nano --data drawn --limit 100
    fer-edge bench --port /dev/ttyACM0 --port /dev/ttyACM1 --network synth_out/nano --data FER2013
    fer-edge bench --port virtual --network zoo:fernet-fast --data FER2013 --limit 200 --through-camera
    fer-edge bench --port virtual --network zoo:fernet-nano --data drawn --limit 1 --modes
    fer-edge bench --compare bench_out/a bench_out/b
    """
    if compare:
        if beside := [option for option in _typed() if option not in ("--compare", "--json")]:
            raise click.UsageError(f"--compare needs nothing else: leave out {beside[0]}.")
        from fer_edge.compare import reports as comparing

        comparison = comparing.compare(*compare)
        echo(json.dumps(comparison, indent=2) if as_json else comparing.render(comparison))
        return
    if options["lens"] is not None and not options["through_camera"]:
        raise click.UsageError("--lens wants --through-camera.")
    if not named or network is None or data is None:
        raise click.UsageError("Give --port, --network and --data, or two reports to --compare.")
    from fer_edge.bench import duty, harness, report
    from fer_edge.bench.meters import MeterConfig

    options["duty"] = duty.configure(rates, modes, wait, rest, clock, battery, battery_volts)
    energy = MeterConfig(meter, current, voltage, idle_current, inference_time, boundary)
    result = harness.run_bench(harness.BenchConfig(named[0], network, data, meter=energy, others=named[1:], **options))
    echo(json.dumps(result.to_dict(), indent=2) if as_json else report.summary(result))
    if options["trace"] is not None:
        _written(options["trace"], as_json)
    if result.logits.images_differing or (result.camera and result.camera.images_differing):
        sys.exit(1)


@main.command()
@click.argument("images", metavar="PICTURE...", type=PathType, nargs=-1, required=True)
@click.option("--network", type=PathType, help=NETWORK_HELP + "  [default: the best shipped one]")
@click.option("--port", help=PORT_HELP)
@click.option("--simulate", is_flag=True, help="Use the simulator, as without --port.")
@click.option("--no-detect", is_flag=True, help="Take each picture's middle square as the face.")
@click.option("--save", type=PngFile, help="PNG file for the pictures with boxes and bars.")
@json_option
def predict(images: tuple[Path, ...], simulate: bool, no_detect: bool, as_json: bool, **options: Any) -> None:
    """Find the faces in any pictures, and score each by the network's classes.

    The exit status is 1 where no picture has a face.

    \b
    fer-edge predict photo.jpg party.png --save faces.png
    fer-edge predict face.png --no-detect --network synth_out/nano --port /dev/ttyACM0
    """
    from fer_edge.bench.predict import predict as look
    from fer_edge.bench.prediction import render

    if simulate and options["port"] is not None:
        raise click.UsageError("Give either --port or --simulate.")
    results = look(images, detect=not no_detect, **options)
    plain = [result.to_dict() for result in results]
    echo(json.dumps(plain, indent=2) if as_json else render(results))
    if options["save"] is not None:
        _written(options["save"], as_json)
    if not any(result.faces for result in results):
        sys.exit(1)


@main.command()
@click.option("--network", type=PathType, default="zoo:fernet-plus-fast", help=NETWORK_HELP)
@click.option("--port", default="virtual", help=PORT_HELP + " `none`: the simulator alone.")
@click.option("--http-port", type=click.IntRange(0, 65535), default=0, help="Port of the page; 0 takes a free one.")
@click.option("--host", default="127.0.0.1", help="Where the page listens: on this machine, and nowhere else.")
@click.option(
    "--corrections",
    type=OutputFolder,
    help="Where faces you correct go, once you switch it on.  [default: corrections]",
)
@click.option("--open", "open_browser", is_flag=True, help="Open the page in the browser.")
def live(network: Path, port: str, corrections: Path | None, open_browser: bool, **options: Any) -> None:
    """Serve a page for your browser: show it pictures, and see the board look at them. Ctrl-C ends it.

    \b
    fer-edge live --open
    fer-edge live --network synth_out/nano --port /dev/ttyACM0
    """
    from fer_edge.live.server import CORRECTIONS, serve

    serve(network, port, corrections=corrections or CORRECTIONS, open_browser=open_browser, say=echo, **options)


if __name__ == "__main__":
    sys.exit(main())
