#include "hal.h"
#include "wait.h"

static uint32_t system_hz = ISO_HZ; /* after reset */

static bool start(uint32_t enable, uint32_t ready)
{
    MXC_GCR->clkctrl |= enable;
    return wait_for_set(&MXC_GCR->clkctrl, ready);
}

bool clock_init(void)
{
    return start(MXC_F_GCR_CLKCTRL_IBRO_EN, MXC_F_GCR_CLKCTRL_IBRO_RDY) && clock_select(IPO_HZ);
}

bool clock_select(uint32_t hz)
{
    const bool fast = hz == IPO_HZ;
    if (!(fast ? start(MXC_F_GCR_CLKCTRL_IPO_EN, MXC_F_GCR_CLKCTRL_IPO_RDY)
               : start(MXC_F_GCR_CLKCTRL_ISO_EN, MXC_F_GCR_CLKCTRL_ISO_RDY))) {
        return false;
    }
    MXC_GCR->clkctrl = (MXC_GCR->clkctrl & ~(MXC_F_GCR_CLKCTRL_SYSCLK_SEL | MXC_F_GCR_CLKCTRL_SYSCLK_DIV))
                       | (fast ? SYSCLK_IPO : SYSCLK_ISO) << MXC_F_GCR_CLKCTRL_SYSCLK_SEL_POS;
    if (!wait_for_set(&MXC_GCR->clkctrl, MXC_F_GCR_CLKCTRL_SYSCLK_RDY)) {
        return false;
    }
    if (!fast) {
        MXC_GCR->clkctrl &= ~MXC_F_GCR_CLKCTRL_IPO_EN;
    }
    system_hz = hz;
    return true;
}

uint32_t clock_pclk_hz(void)
{
    return system_hz / PCLK_DIVIDER;
}

void clock_enable(uint32_t peripherals)
{
    MXC_GCR->pclkdis0 &= ~peripherals;
}

void clock_disable(uint32_t peripherals)
{
    MXC_GCR->pclkdis0 |= peripherals;
}

bool clock_reset(uint32_t peripherals)
{
    MXC_GCR->rst0 = peripherals;
    return wait_for_clear(&MXC_GCR->rst0, peripherals);
}
