/* The camera's clock, pulse train 0 on P0.18: 8.3 MHz if a pulse lasts RATE - 1 periods, 6.25 if RATE; no board was at
 * hand to tell. */
#include "hal.h"
#include "wait.h"

#define RATE 4u
#define ALTERNATING 0x55555555u
#define FIRST_LOOPS 56428u /* of 32 pulses: 108 or 144 ms, as long as the maker's driver lets the camera start up */

bool xclk_start(void)
{
    const mxc_gpio_cfg_t pin = {MXC_GPIO0, 1u << 18, MXC_GPIO_PAD_NONE, MXC_GPIO_FUNC_ALT1};
    clock_enable(MXC_F_GCR_PCLKDIS0_PT);
    MXC_GCR->rst1 = MXC_F_GCR_RST1_PT;
    if (!wait_for_clear(&MXC_GCR->rst1, MXC_F_GCR_RST1_PT)) {
        return false;
    }
    pin.port->vssel |= pin.mask;
    gpio_configure(&pin);
    MXC_PT->rate_length = RATE | PT_PATTERN_32 << MXC_F_PT_RATE_LENGTH_MODE_POS;
    MXC_PT->train = ALTERNATING;
    MXC_PT->loop = FIRST_LOOPS;
    MXC_PTG->enable |= MXC_F_PTG_ENABLE_PT0;
    return xclk_runs();
}

bool xclk_runs(void)
{
    return MXC_PTG->enable & MXC_F_PTG_ENABLE_PT0;
}

void xclk_run_on(void)
{
    MXC_PT->rate_length = RATE | PT_SQUARE_WAVE << MXC_F_PT_RATE_LENGTH_MODE_POS;
    MXC_PT->train = 0;
    MXC_PT->loop = 0;
    MXC_PTG->enable |= MXC_F_PTG_ENABLE_PT0;
}

void xclk_stop(void)
{
    MXC_PTG->enable &= ~MXC_F_PTG_ENABLE_PT0;
    clock_disable(MXC_F_GCR_PCLKDIS0_PT);
}
