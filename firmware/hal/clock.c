#include "hal.h"
#include "wait.h"

bool clock_init(void)
{
    MXC_GCR->clkctrl |= MXC_F_GCR_CLKCTRL_IPO_EN | MXC_F_GCR_CLKCTRL_IBRO_EN;
    if (!wait_for_set(&MXC_GCR->clkctrl, MXC_F_GCR_CLKCTRL_IPO_RDY | MXC_F_GCR_CLKCTRL_IBRO_RDY)) {
        return false;
    }
    MXC_GCR->clkctrl = (MXC_GCR->clkctrl & ~(MXC_F_GCR_CLKCTRL_SYSCLK_SEL | MXC_F_GCR_CLKCTRL_SYSCLK_DIV))
                       | SYSCLK_IPO << MXC_F_GCR_CLKCTRL_SYSCLK_SEL_POS;
    return wait_for_set(&MXC_GCR->clkctrl, MXC_F_GCR_CLKCTRL_SYSCLK_RDY);
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
