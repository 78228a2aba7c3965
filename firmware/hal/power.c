#include "cortex_m4.h"
#include "hal.h"

static volatile bool woken;

static void wake_up_isr(void)
{
    MXC_WUT->intr = MXC_F_WUT_INTR_IRQ_CLR;
    woken = true;
}

void power_init(void)
{
    MXC_GCR->clkctrl |= MXC_F_GCR_CLKCTRL_ERTCO_EN;
    MXC_MCR->ctrl |= MXC_F_MCR_CTRL_ERTCO_EN; /* in deep sleep, too */
    cpu_set_vector(WUT_IRQ, wake_up_isr);
}

bool power_ready(void)
{
    return MXC_GCR->clkctrl & MXC_F_GCR_CLKCTRL_ERTCO_RDY;
}

/* Until the next interrupt; in deep sleep only the wake-up timer's. */
static void sleep(uint32_t mode)
{
    SCB_SCR |= SCB_SCR_SLEEPDEEP;
    MXC_GCR->pm = (MXC_GCR->pm & ~MXC_F_GCR_PM_MODE) | MXC_F_GCR_PM_WUT_WE | mode << MXC_F_GCR_PM_MODE_POS;
    cpu_wait_for_interrupt();
    MXC_GCR->pm &= ~(MXC_F_GCR_PM_MODE | MXC_F_GCR_PM_WUT_WE);
    SCB_SCR &= ~SCB_SCR_SLEEPDEEP;
}

void power_sleep(uint32_t mode, uint32_t counts)
{
    MXC_WUT->ctrl = 0;
    MXC_WUT->cnt = 1;
    MXC_WUT->cmp = 1u + counts;
    MXC_WUT->intr = MXC_F_WUT_INTR_IRQ_CLR;
    woken = false;
    const uint32_t start = timer_ticks();
    MXC_WUT->ctrl = MXC_F_WUT_CTRL_TEN; /* once */
    for (;;) {
        cpu_hold_interrupts(); /* so that nothing comes between test and sleep */
        if (woken) {
            break;
        }
        sleep(mode);
        cpu_release_interrupts();
    }
    cpu_release_interrupts();
    /* TMR0 has stood still, or gone on at another clock, as the mode will have it. */
    timer_set(start + (uint32_t)((uint64_t)counts * clock_pclk_hz() / ERTCO_HZ));
}
