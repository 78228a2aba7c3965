"""Stands in for the vendor's Synthesizer: its command line, its way with errors and its file formats, our arithmetic.

The environment variable STAND_IN_FAULT spoils what it does (see `spoil` and `main`).
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
from importlib import import_module
from pathlib import Path

import numpy as np

from fer_edge.load import load_described
from fer_edge.network import IntegerNetwork
from fer_edge.registers import CNN, CNN_AON_CTL, bias_address, mask_address
from fer_edge.synth.data import output_addresses
from fer_edge.synth.placement import PlacedNetwork
from fer_edge.synth.placer import place
from fer_edge.synth.synthesize import synthesize

FAULT = os.environ.get("STAND_IN_FAULT")
State = dict[str, np.ndarray]


def parse() -> argparse.Namespace:
    """The options of the real tool that fer-edge uses, required where they are there, and no others."""
    parser = argparse.ArgumentParser()
    for name in ("--config-file", "--prefix", "--test-dir", "--device"):
        parser.add_argument(name, required=True)
    for name in ("--checkpoint-file", "--sample-input"):
        parser.add_argument(name)
    parser.add_argument("--timer", type=int)
    for name in ("--overwrite", "--mexpress", "--compact-data", "--no-version-check", "--avg-pool-rounding"):
        parser.add_argument(name, action="store_true")
    return parser.parse_args()


def error(text: str) -> None:
    """As the real tool: to both streams, coloured on the second, and status 1."""
    print("ERROR:", text)
    print(f"\x1b[31mERROR:\x1b[0m {text}", file=sys.stderr)
    sys.exit(1)


def define(name: str, values: list[int], digits: int, columns: int) -> str:
    """A `#define` of an array over lines."""
    text = f"#define {name} {{ \\\n  "
    for i, value in enumerate(values, 1):
        text += f"0x{value:0{digits}x}"
        if i < len(values):
            text += ", " + ("\\\n  " if i % columns == 0 else "")
    return text + " \\\n}\n"


# --- weights.h ---------------------------------------------------------------------------------------------


def weights_h(state: State) -> str:
    """Packed blocks of mask columns, then bias bytes per quadrant."""
    blocks = []
    for processor in range(64):
        columns = np.flatnonzero(state["kernel_used"][processor])
        for run in np.split(columns, np.flatnonzero(np.diff(columns) > 1) + 1) if len(columns) else []:
            data = state["kernel"][processor, run].tobytes()
            data += bytes(-len(data) % 4)
            blocks += [mask_address(processor, 0) + 4 * int(run[0]), len(data) // 4]
            blocks += [int.from_bytes(data[i : i + 4], "big") for i in range(0, len(data), 4)]
    text = "// This file was @generated automatically\n\n"
    text += define("KERNELS_0" if FAULT == "old" else "KERNELS", [*blocks, 0], 8, 8)
    for quadrant, used in enumerate(state["bias_used"]):
        if used.any():
            text += define(f"BIAS_{quadrant}", state["bias"][quadrant, used].tolist(), 2, 16)
    return text


# --- cnn.c -------------------------------------------------------------------------------------------------

CNN_C = """\
// %(prefix)s

#include <stdlib.h>
#include <stdint.h>
#include <string.h>
#include <stdio.h>
#include "mxc.h"
#include "gcfr_regs.h"
#include "cnn.h"
#include "weights.h"

void CNN_ISR(void)
{
%(acknowledge)s

  CNN_COMPLETE;
#ifdef CNN_INFERENCE_TIMER
  cnn_time = MXC_TMR_SW_Stop(CNN_INFERENCE_TIMER);
#else
  cnn_time = 1;
#endif
}

int cnn_continue(void)
{
  cnn_time = 0;
  *((volatile uint32_t *) 0x%(master)08x) |= 1;
  return CNN_OK;
}

int cnn_stop(void)
{
  *((volatile uint32_t *) 0x%(master)08x) &= ~1;
  return CNN_OK;
}

void memcpy32(uint32_t *dst, const uint32_t *src, int n)
{
  for (int i = 0; i < n; i++)
    dst[i] = src[i];
}

static const uint32_t kernels[] = KERNELS;

int cnn_load_weights(void)
{
  uint32_t len;
  volatile uint32_t *addr;
  const uint32_t *ptr = kernels;

  while ((addr = (volatile uint32_t *) *ptr++) != 0) {
    *((volatile uint8_t *) ((uint32_t) addr | 1)) = 0x01;
    for (len = *ptr++; len > 0; len--)
      *addr++ = *ptr++;
  }
  return CNN_OK;
}

%(bias)s
int cnn_init(void)
{
%(init)s

  return CNN_OK;
}

int cnn_configure(void)
{
%(configure)s

  return CNN_OK;
}

int cnn_start(void)
{
  cnn_time = 0;

%(enable)s

#ifdef CNN_INFERENCE_TIMER
  MXC_TMR_SW_Start(CNN_INFERENCE_TIMER);
#endif

  CNN_START;
%(start)s

  return CNN_OK;
}

%(unload)s
int cnn_enable(uint32_t clock_source, uint32_t clock_divider)
{
  MXC_GCFR->reg3 = 0xf;
  MXC_GCFR->reg1 = 0x%(mask)x;
  MXC_GCFR->reg0 = 0x%(mask)x;
  MXC_GCFR->reg2 = 0x%(rest)x;
  MXC_GCFR->reg3 = 0x0;

  MXC_GCR->pclkdiv = (MXC_GCR->pclkdiv & ~(MXC_F_GCR_PCLKDIV_CNNCLKDIV | MXC_F_GCR_PCLKDIV_CNNCLKSEL))
                     | clock_divider | clock_source;
  MXC_SYS_ClockEnable(MXC_SYS_PERIPH_CLOCK_CNN);
  MXC_NVIC_SetVector(CNN_IRQn, CNN_ISR);
  return CNN_OK;
}

int cnn_boost_enable(mxc_gpio_regs_t *port, uint32_t pin)
{
  mxc_gpio_cfg_t gpio_out;
  gpio_out.port = port;
  gpio_out.mask = pin;
  gpio_out.pad = MXC_GPIO_PAD_NONE;
  gpio_out.func = MXC_GPIO_FUNC_OUT;
  MXC_GPIO_Config(&gpio_out);
  MXC_GPIO_OutSet(gpio_out.port, gpio_out.mask);
  return CNN_OK;
}

int cnn_boost_disable(mxc_gpio_regs_t *port, uint32_t pin)
{
  mxc_gpio_cfg_t gpio_out;
  gpio_out.port = port;
  gpio_out.mask = pin;
  gpio_out.pad = MXC_GPIO_PAD_NONE;
  gpio_out.func = MXC_GPIO_FUNC_OUT;
  MXC_GPIO_Config(&gpio_out);
  MXC_GPIO_OutClr(gpio_out.port, gpio_out.mask);
  return CNN_OK;
}

int cnn_disable(void)
{
  MXC_SYS_ClockDisable(MXC_SYS_PERIPH_CLOCK_CNN);
  MXC_GCFR->reg3 = 0xf;
  MXC_GCFR->reg2 = 0xf;
  MXC_GCFR->reg0 = 0x0;
  MXC_GCFR->reg1 = 0x0;
  MXC_GCFR->reg3 = 0x0;
  return CNN_OK;
}
"""


def cnn_c(state: State, placed: PlacedNetwork, prefix: str) -> str:
    """The whole library file."""
    controls = [CNN.address("CTL", g) for g in placed.placement.quadrants]
    globals_ = {CNN_AON_CTL, *(CNN.address(name, g) for name in ("CTL", "SRAM", "LCNT_MAX") for g in range(4))}
    writes = list(zip(state["reg_addr"].tolist(), state["reg_value"].tolist(), strict=True))
    first = next(i for i, (address, _) in enumerate(writes) if address not in globals_)
    last = len(writes) - len(controls) - 1
    mask = sum(1 << g for g in placed.placement.quadrants)
    return CNN_C % {
        "prefix": prefix,
        "master": controls[0],
        "mask": mask,
        "rest": ~mask & 0xF,
        "acknowledge": "\n".join(
            f"  *((volatile uint32_t *) 0x{address:08x}) &= ~((1<<12) | 1);" for address in controls
        ),
        "bias": bias(state),
        "init": register_writes(writes[:first], "Global"),
        "configure": register_writes(writes[first:last], "Layer"),
        "enable": register_writes(writes[last:-1], "Enable quadrant"),
        "start": register_writes(writes[-1:], "Master"),
        "unload": unload(placed),
    }


def register_writes(writes: list[tuple[int, int]], comment: str) -> str:
    """Lines as the real tool writes them."""
    return "\n".join(f"  *((volatile uint32_t *) 0x{a:08x}) = 0x{value:08x}; // {comment}" for a, value in writes)


def bias(state: State) -> str:
    """The arrays and the function that loads them, which is there in any case."""
    quadrants = [g for g in range(4) if state["bias_used"][g].any()]
    text = "".join(f"static const uint8_t bias_{g}[] = BIAS_{g};\n" for g in quadrants)
    if quadrants:
        text += """
static void memcpy_8to32(uint32_t *dst, const uint8_t *src, int n)
{
  for (int i = 0; i < n; i++)
    dst[i] = src[i];
}

"""
    text += "int cnn_load_bias(void)\n{\n"
    for g in quadrants:
        count = state["bias_used"][g].sum()
        text += f"  memcpy_8to32((uint32_t *) 0x{bias_address(g, 0):08x}, bias_{g}, sizeof(uint8_t) * {count});\n"
    return text + "  return CNN_OK;\n}\n"


def unload(placed: PlacedNetwork) -> str:
    """Outputs of a word each, or of a byte each from words with up to four of them."""
    addresses = output_addresses(placed).tolist()
    wide = placed.network.layers[-1].output_width == 32
    text = f"int cnn_unload(uint32_t *{'out_buf' if wide else 'out_buf32'})\n{{\n"
    if wide:
        text += "  volatile uint32_t *addr;\n\n"
        for before, address in zip([0, *addresses], addresses, strict=False):
            if address != before + 4:
                text += f"  addr = (volatile uint32_t *) 0x{address:08x};\n"
            text += "  *out_buf++ = *addr++;\n"
    else:
        text += "  uint8_t *out_buf = (uint8_t *) out_buf32;\n  uint32_t val;\n  volatile uint32_t *addr;\n\n"
        for address in sorted({address & ~3 for address in addresses}):
            text += f"  addr = (volatile uint32_t *) 0x{address:08x};\n  val = *addr++;\n"
            for lane in range(4):
                if address + lane in addresses:
                    text += f"  *out_buf++ = (val >> {8 * lane}) & 0xff;\n"
    return text + "  return CNN_OK;\n}\n"


def cnn_h(network: IntegerNetwork, timer: int | None) -> str:
    """The header: what the real one declares."""
    clock = "" if timer is None else f"#define CNN_INFERENCE_TIMER MXC_TMR{timer}\n"
    return f"""\
#ifndef __CNN_H__
#define __CNN_H__

#include <stdint.h>
typedef int32_t q31_t;
typedef int16_t q15_t;

#define CNN_FAIL 0
#define CNN_OK 1

#define CNN_NUM_OUTPUTS {np.prod(network.output_shape)}

{clock}
#define CNN_START LED_On(1)
#define CNN_COMPLETE LED_Off(1)
#define SYS_START LED_On(0)
#define SYS_COMPLETE LED_Off(0)

void softmax_q17p14_q15(const q31_t * vec_in, const uint16_t dim_vec, q15_t * p_out);
void softmax_shift_q17p14_q15(q31_t * vec_in, const uint16_t dim_vec, uint8_t in_shift, q15_t * p_out);

extern volatile uint32_t cnn_time;

void memcpy32(uint32_t *dst, const uint32_t *src, int n);
void memcpy32_const(uint32_t *dst, int n);
int cnn_enable(uint32_t clock_source, uint32_t clock_divider);
int cnn_disable(void);
int cnn_init(void);
int cnn_configure(void);
int cnn_load_weights(void);
int cnn_verify_weights(void);
int cnn_load_bias(void);
int cnn_start(void);
int cnn_stop(void);
int cnn_continue(void);
int cnn_unload(uint32_t *out_buf);
int cnn_boost_enable(mxc_gpio_regs_t *port, uint32_t pin);
int cnn_boost_disable(mxc_gpio_regs_t *port, uint32_t pin);

#endif // __CNN_H__
"""


# --- sampleoutput.h ----------------------------------------------------------------------------------------


def sampleoutput_h(state: State) -> str:
    """Blocks of neighbouring words under one mask."""
    numbers: list[int] = []
    count_at, follows = 0, (0, 0)
    for address, mask, value in zip(*(state[f"output_{k}"].tolist() for k in ("addr", "mask", "value")), strict=True):
        if (mask, address) != follows:
            count_at = len(numbers) + 2
            numbers += [address, mask, 0]
        numbers[count_at] += 1
        numbers.append(value)
        follows = (mask, address + 4)
    return "// This file was @generated automatically\n\n" + define("SAMPLE_OUTPUT", [*numbers, 0], 8, 8)


# --- the program -------------------------------------------------------------------------------------------


def spoil(state: State) -> None:
    """Make one value wrong, as FAULT says."""
    if FAULT == "weights":
        state["kernel"][0, 0, 8] ^= 1
    if FAULT == "biases":
        state["bias"][0, 0] ^= 1
    if FAULT == "registers":
        state["reg_value"][5] ^= 1
    if FAULT == "expected output":
        state["output_value"][0] ^= 1


def main() -> None:
    """Read what fer-edge wrote, and write what the real tool would."""
    args = parse()
    if args.device != "MAX78000" or Path.cwd() != Path(__file__).resolve().parent:
        error("only for the MAX78000, and only from the folder of this script")
    print("Configuring data set: FER2013.")
    if FAULT == "refuse":
        error("Layer 1: stand-in does not like this layer.")
    if FAULT == "crash":
        raise AssertionError
    if FAULT == "packages":
        import_module("yamllint_that_is_not_installed.linter")
    sample = np.load(args.sample_input)
    if sample.dtype != np.int64:
        error(f"The sample data array in {args.sample_input} is of type {sample.dtype}, rather than int64!")
    placed = place(*load_described(args.checkpoint_file, args.config_file, avg_pool_rounding=args.avg_pool_rounding))
    with tempfile.TemporaryDirectory() as folder:
        synthesize(placed, folder, sample=sample.astype(np.int8))
        with np.load(Path(folder) / "state.npz") as archive:
            state = dict(archive)
    spoil(state)
    target = Path(args.test_dir) / args.prefix
    if target.exists() and not args.overwrite:
        error(f"The target folder {target} exists. Use --overwrite to proceed.")
    if FAULT == "nothing":
        return
    target.mkdir(exist_ok=True)
    (target / "weights.h").write_text(weights_h(state))
    (target / "cnn.c").write_text(cnn_c(state, placed, args.prefix))
    (target / "cnn.h").write_text(cnn_h(placed.network, args.timer))
    (target / "sampleoutput.h").write_text(sampleoutput_h(state))
    (target / "log.txt").write_text("MAX78000\n")
    print("Arranging weights...   100%", file=sys.stderr)


if __name__ == "__main__":
    main()
