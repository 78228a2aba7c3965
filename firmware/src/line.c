#include "line.h"

#include "hal.h"
#include "protocol.h"

#define TRIAL_TICKS (PROTOCOL_BAUD_TRIAL * (uint64_t)TIMER_HZ)

static uint32_t base = PROTOCOL_BAUD_RATE;
static bool raised;
static bool unread; /* a frame is due: the rate has changed, or bytes have come */
static uint64_t unread_since;

static void expect_frame(void)
{
    if (raised && !unread) {
        unread = true;
        unread_since = timer_now();
    }
}

void line_switch(uint32_t rate)
{
    uart_drain();
    uart_set_rate(rate);
    raised = rate != base;
    unread = false;
    expect_frame();
}

void line_set_base(uint32_t rate)
{
    base = rate;
    line_switch(rate);
}

void line_bytes_came(void)
{
    expect_frame();
}

void line_frame_came(void)
{
    unread = false;
}

void line_check(void)
{
    if (raised && unread && timer_now() - unread_since > TRIAL_TICKS) {
        line_switch(base);
    }
}
