"""A network folder by hand: what `fer-edge synth` writes, as small as the firmware's contract with it allows."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

CNN_H = """\
#ifndef CNN_H
#define CNN_H
#include <stdint.h>
#define CNN_FAIL 0
#define CNN_OK 1
extern volatile uint32_t cnn_time;
#define CNN_INFERENCE_TIMER MXC_TMR0
#define CNN_START MXC_TMR_SW_Start(CNN_INFERENCE_TIMER)
#define CNN_COMPLETE cnn_time = MXC_TMR_SW_Stop(CNN_INFERENCE_TIMER)
void CNN_ISR(void);
int cnn_enable(uint32_t clock_source, uint32_t clock_divider);
int cnn_init(void);
int cnn_load_weights(void);
int cnn_load_bias(void);
int cnn_configure(void);
int cnn_start(void);
int cnn_stop(void);
int cnn_continue(void);
int cnn_unload(uint32_t *out_buf);
int cnn_disable(void);
#endif
"""

# Every name that generated code, the vendor's included, takes from the HAL. No layer is configured.
CNN_C = """\
#include <stdlib.h>
#include <stdint.h>
#include <string.h>
#include <stdio.h>
#include "mxc.h"
#include "gcfr_regs.h"
#include "cnn.h"
#include "weights.h"

CNN_TIME

void CNN_ISR(void)
{
    *((volatile uint32_t *)0x50100000) &= ~((1 << 12) | 1);
    CNN_COMPLETE;
}

int cnn_enable(uint32_t clock_source, uint32_t clock_divider)
{
    MXC_GCFR->reg3 = 0xf;
    MXC_GCFR->reg1 = 0x1;
    MXC_GCFR->reg0 = 0x1;
    MXC_GCFR->reg2 = 0xe;
    MXC_GCFR->reg3 = 0x0;
    MXC_GCR->pclkdiv = (MXC_GCR->pclkdiv & ~(MXC_F_GCR_PCLKDIV_CNNCLKDIV | MXC_F_GCR_PCLKDIV_CNNCLKSEL))
                       | clock_divider | clock_source;
    MXC_SYS_ClockEnable(MXC_SYS_PERIPH_CLOCK_CNN);
    MXC_NVIC_SetVector(CNN_IRQn, CNN_ISR);
    return CNN_OK;
}

int cnn_boost_enable(mxc_gpio_regs_t *port, uint32_t pin);
int cnn_boost_enable(mxc_gpio_regs_t *port, uint32_t pin)
{
    mxc_gpio_cfg_t gpio_out;
    gpio_out.port = port;
    gpio_out.mask = pin;
    gpio_out.pad = MXC_GPIO_PAD_NONE;
    gpio_out.func = MXC_GPIO_FUNC_OUT;
    MXC_GPIO_Config(&gpio_out);
    MXC_GPIO_OutSet(gpio_out.port, gpio_out.mask);
    MXC_GPIO_OutClr(gpio_out.port, gpio_out.mask);
    return CNN_OK;
}

static const uint32_t kernels[] = KERNELS;

int cnn_load_weights(void)
{
    *((volatile uint8_t *)0x50180001) = 0x01;
    memcpy((void *)0x50180000, kernels, sizeof kernels);
    return CNN_OK;
}

int cnn_load_bias(void) { return CNN_OK; }
int cnn_init(void) { *((volatile uint32_t *)0x50100000) = 0x00100008; return CNN_OK; }
int cnn_configure(void) { return CNN_OK; }
int cnn_stop(void) { *((volatile uint32_t *)0x50100000) &= ~1; return CNN_OK; }
int cnn_continue(void) { *((volatile uint32_t *)0x50100000) |= 1; return CNN_OK; }
int cnn_unload(uint32_t *out_buf) { *out_buf = *((volatile uint32_t *)0x50404000); return CNN_OK; }

int cnn_start(void)
{
    cnn_time = 0;
    CNN_START;
    *((volatile uint32_t *)0x50100000) = 0x00100009;
    return CNN_OK;
}

int cnn_disable(void)
{
    MXC_SYS_ClockDisable(MXC_SYS_PERIPH_CLOCK_CNN);
    MXC_GCFR->reg3 = 0xf;
    MXC_GCFR->reg2 |= 0xf;
    MXC_GCFR->reg0 = 0x0;
    MXC_GCFR->reg1 = 0x0;
    MXC_GCFR->reg3 = 0x0;
    return CNN_OK;
}
"""


@dataclass(frozen=True)
class Group:
    """One entry of network_input[]: where its words go, and which channel each byte lane takes (−1: none)."""

    address: int
    words: int
    stride: int
    channels: tuple[int, int, int, int]


@dataclass(frozen=True)
class StubNetwork:
    """The contents of network.h, sampledata.h and sampleoutput.h. `expected`: (address, mask, words).

    `channels`, `pixels`, `columns`: of the input as the accelerator takes it, after folding.
    """

    name: str = "stub"
    hash: bytes = bytes(range(16))
    channels: int = 1
    pixels: int = 6
    columns: int = 1
    fold: int = 1
    chw: bool = False
    inputs: tuple[Group, ...] = (Group(0x50400000, 6, 1, (0, -1, -1, -1)),)
    outputs: tuple[int, ...] = (0x50404000, 0x50404004, 0x50404008)
    width: int = 32
    shift: int = 0
    fraction: int = 14
    sample: tuple[int, ...] = (1, 2, 3, 4, 5, 6)
    expected: tuple[tuple[int, int, tuple[int, ...]], ...] = ((0x50404000, 0xFFFFFFFF, (7, 8, 9)),)
    kernel_words: int = 9
    classes: tuple[str, ...] = ("yes", "no")

    @property
    def input_size(self) -> int:
        """Bytes of an INFER request."""
        return self.channels * self.pixels

    def write(self, folder: Path, defines_cnn_time: bool = True) -> Path:
        """Write the folder. The vendor's generator leaves `cnn_time` to the application."""
        folder.mkdir(parents=True, exist_ok=True)
        inputs = ", ".join(f"{{{g.address:#x}u, {g.words}, {g.stride}, {_braces(g.channels)}}}" for g in self.inputs)
        expected = [n for address, mask, words in self.expected for n in (address, mask, len(words), *words)]
        cnn_time = "volatile uint32_t cnn_time;" if defines_cnn_time else ""
        files = {
            "cnn.h": CNN_H,
            "cnn.c": CNN_C.replace("CNN_TIME", cnn_time, 1),
            "weights.h": f"#define KERNELS {_braces(range(self.kernel_words))}\n",
            "sampledata.h": f"#define SAMPLE_INPUT {_braces(self.sample)}\n",
            "sampleoutput.h": f"#define SAMPLE_OUTPUT {_braces([*expected, 0])}\n",
            "network.h": f"""\
#ifndef NETWORK_H
#define NETWORK_H
#include <stdint.h>
#define NETWORK_NAME "{self.name}"
#define NETWORK_CLASSES "{"".join(chr(92) + "012" + name for name in self.classes)}"
#define NETWORK_HASH {_braces(self.hash)}
#define NETWORK_INPUT_SIZE {self.input_size}
#define NETWORK_INPUT_PIXELS {self.pixels}
#define NETWORK_FOLD {self.fold}
#define NETWORK_IMAGE_CHANNELS {self.channels // self.fold**2}
#define NETWORK_IMAGE_ROWS {self.pixels // self.columns * self.fold}
#define NETWORK_IMAGE_COLUMNS {self.columns * self.fold}
#define NETWORK_INPUT_CHW {int(self.chw)}
#define NETWORK_INPUTS {len(self.inputs)}
#define NETWORK_OUTPUTS {len(self.outputs)}
#define NETWORK_OUTPUT_WIDTH {self.width}
#define NETWORK_OUTPUT_SHIFT {self.shift}
#define NETWORK_OUTPUT_FRACTION {self.fraction}
typedef struct {{
    uint32_t address;
    uint16_t words;
    uint16_t stride;
    int16_t channel[4];
}} network_input_t;
static const network_input_t network_input[NETWORK_INPUTS] = {{{inputs}}};
static const uint32_t network_output[NETWORK_OUTPUTS] = {_braces(self.outputs)};
#endif
""",
        }
        for name, text in files.items():
            (folder / name).write_text(text)
        return folder


def _braces(values: object) -> str:
    return "{" + ", ".join(f"{v}u" if v >= 0 else str(v) for v in values) + "}"  # type: ignore[attr-defined]
