"""The command line: parse arguments, call one function, print."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import click

from fer_edge import __version__
from fer_edge.errors import FerEdgeError

PathType = click.Path(path_type=Path)


class Group(click.Group):
    """Commands in the order of the work, and one place where errors become one message and exit status 1."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(self.commands)

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except FerEdgeError as error:
            click.echo(f"fer-edge: {error}", err=True)
            ctx.exit(1)
        except KeyboardInterrupt:
            click.echo("fer-edge: interrupted.", err=True)
            ctx.exit(130)


@click.group(cls=Group, context_settings={"help_option_names": ["-h", "--help"], "show_default": True})
@click.version_option(__version__, prog_name="fer-edge")
def main() -> None:
    """Facial-emotion recognition on the MAX78000: from a folder of faces to energy per inference.

    \b
    fer-edge qat-train --data FER2013 --output-dir runs/nano
    fer-edge synth --checkpoint runs/nano/quantized.pth.tar --output-dir synth_out/nano
    make firmware NETWORK=synth_out/nano && make flash
    fer-edge bench --port /dev/ttyACM0 --network synth_out/nano --data FER2013
    """


@main.command()
@click.option("--checkpoint", type=PathType, required=True, help="Quantized checkpoint (.pth.tar) or ONNX model.")
@click.option("--yaml", "description", type=PathType, help="Network description; without it the network is placed.")
@click.option("--sample-input", type=PathType, help="Known-answer input (.npy, channels × rows × columns, −128…127).")
@click.option("--avg-pool-rounding", is_flag=True, help="Average pooling rounds to nearest instead of truncating.")
@click.option("--output-dir", type=PathType, required=True, help="Where the files go.")
@click.option("--json", "as_json", is_flag=True, help="Print the result as JSON.")
def synth(
    checkpoint: Path,
    description: Path | None,
    sample_input: Path | None,
    avg_pool_rounding: bool,
    output_dir: Path,
    as_json: bool,
) -> None:
    """Turn a quantized checkpoint into ONNX, YAML and the C code that programs the accelerator.

    \b
    fer-edge synth --checkpoint runs/nano/quantized.pth.tar --output-dir synth_out/nano
    """
    from fer_edge import synth as synthesis

    result = synthesis.synthesize_files(
        checkpoint, output_dir, description=description, sample_path=sample_input, avg_pool_rounding=avg_pool_rounding
    )
    click.echo(json.dumps(result.to_dict(), indent=2) if as_json else result.summary())


if __name__ == "__main__":
    sys.exit(main())
