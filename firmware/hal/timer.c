#include "hal.h"
#include "wait.h"

#define MODE_ONE_SHOT 0u
#define MODE_CONTINUOUS 1u
#define ALARM_IRQ (TMR0_IRQ + 1u) /* TMR1 */
#define CALL_IRQ (TMR0_IRQ + 2u)  /* TMR2 */

static uint32_t stopwatch_start;
static uint32_t stopwatch_ticks;
static volatile bool alarm_expired = true; /* none is set */
static handler_t called;

/* 32 bits (both halves in cascade), clocked by PCLK, stopped. */
static bool prepare(mxc_tmr_regs_t *timer, uint32_t mode)
{
    timer->ctrl1 = MXC_F_TMR_CTRL1_CASCADE;
    timer->ctrl0 = MXC_F_TMR_CTRL0_CLKEN_A | mode << MXC_F_TMR_CTRL0_MODE_A_POS;
    return wait_for_set(&timer->ctrl1, MXC_F_TMR_CTRL1_CLKRDY_A);
}

/* Count from 1, the timer's own first value, to `compare`. */
static bool run(mxc_tmr_regs_t *timer, uint32_t compare)
{
    timer->cnt = 1;
    if (!wait_for_set(&timer->intfl, MXC_F_TMR_INTFL_WRDONE_A)) {
        return false;
    }
    timer->cmp = compare;
    timer->ctrl0 |= MXC_F_TMR_CTRL0_EN_A;
    return wait_for_set(&timer->ctrl1, MXC_F_TMR_CTRL1_CLKEN_A);
}

static void alarm_isr(void)
{
    MXC_TMR1->intfl = MXC_F_TMR_INTFL_IRQ_A;
    alarm_expired = true;
}

static void call_isr(void)
{
    MXC_TMR2->intfl = MXC_F_TMR_INTFL_IRQ_A;
    called();
}

bool timer_init(void)
{
    clock_enable(MXC_F_GCR_PCLKDIS0_TMR0 | MXC_F_GCR_PCLKDIS0_TMR1 | MXC_F_GCR_PCLKDIS0_TMR2);
    if (!clock_reset(MXC_F_GCR_RST0_TMR0 | MXC_F_GCR_RST0_TMR1 | MXC_F_GCR_RST0_TMR2)
        || !prepare(MXC_TMR0, MODE_CONTINUOUS) || !prepare(MXC_TMR1, MODE_ONE_SHOT)
        || !prepare(MXC_TMR2, MODE_ONE_SHOT)) {
        return false;
    }
    MXC_TMR2->ctrl1 |= MXC_F_TMR_CTRL1_IE_A;
    cpu_set_vector(CALL_IRQ, call_isr);
    MXC_TMR1->ctrl1 |= MXC_F_TMR_CTRL1_IE_A;
    cpu_set_vector(ALARM_IRQ, alarm_isr);
    return run(MXC_TMR0, UINT32_MAX);
}

uint32_t timer_ticks(void)
{
    (void)MXC_TMR0->cnt; /* the first read may give a stale value: the vendor's driver reads twice as well */
    return MXC_TMR0->cnt;
}

void timer_set(uint32_t ticks)
{
    MXC_TMR0->ctrl0 &= ~MXC_F_TMR_CTRL0_EN_A;
    MXC_TMR0->cnt = ticks;
    (void)wait_for_set(&MXC_TMR0->intfl, MXC_F_TMR_INTFL_WRDONE_A);
    MXC_TMR0->ctrl0 |= MXC_F_TMR_CTRL0_EN_A;
}

uint64_t timer_now(void)
{
    static uint64_t now;
    now += timer_ticks() - (uint32_t)now;
    return now;
}

void timer_wait(uint32_t ticks)
{
    const uint32_t start = timer_ticks();
    while (timer_ticks() - start < ticks) {
    }
}

void timer_start_stopwatch(void)
{
    stopwatch_start = timer_ticks();
}

uint32_t timer_stop_stopwatch(void)
{
    stopwatch_ticks = timer_ticks() - stopwatch_start;
    return stopwatch_ticks / TIMER_TICKS_PER_US;
}

uint32_t timer_stopwatch_ticks(void)
{
    return stopwatch_ticks;
}

void timer_set_alarm(uint32_t ticks)
{
    alarm_expired = false;
    /* A timer that will not start must not leave a sleeper without an alarm. */
    if (!run(MXC_TMR1, ticks)) {
        alarm_expired = true;
    }
}

void timer_cancel_alarm(void)
{
    MXC_TMR1->ctrl0 &= ~MXC_F_TMR_CTRL0_EN_A;
    alarm_expired = true;
}

bool timer_alarm_expired(void)
{
    return alarm_expired;
}

void timer_call(uint32_t ticks, handler_t handler)
{
    called = handler;
    (void)run(MXC_TMR2, ticks);
}
