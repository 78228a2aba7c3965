/* What brings a board back that has gone wrong, and remembers why: watchdog, fault handler, guard of the stack. */
#include "cortex_m4.h"
#include "hal.h"

#define RECORD_VALID 0xfa017ec0u
#define GUARD 0x5afe57acu
#define GUARD_WORDS 8u

/* The watchdog counts PCLK: an interrupt after 2.7 s takes down where the program is, the reset follows at 5.4 s. */
#define PERIOD(power) (WDT_LONGEST - (power))
#define INTERRUPT_POWER 27u
#define RESET_POWER 28u

extern uint32_t noinit_end[], stack_top[]; /* max78000.ld; the stack ends where the variables do */

/* Kept over a reset; after power-on it holds anything. */
static struct {
    uint32_t valid;
    start_record_t record;
} kept __attribute__((section(".noinit")));

static start_record_t last; /* what led to this run */

static __attribute__((noreturn)) void reset(void)
{
    core_barrier();
    SCB_AIRCR = SCB_AIRCR_KEY | SCB_AIRCR_SYSRESETREQ;
    core_barrier();
    for (;;) {
    }
}

static void keep(start_record_t record)
{
    kept.record = record;
    kept.valid = RECORD_VALID;
}

void supervisor_restart(start_cause_t cause)
{
    keep((start_record_t){.cause = cause});
    reset();
}

/* `frame`: r0…r3, r12, lr, pc, xPSR as the processor stacked them, unless the stack was where there is no memory. */
static __attribute__((used)) void on_fault(const uint32_t *frame)
{
    const bool stacked = !(SCB_CFSR & SCB_CFSR_STKERR);
    keep((start_record_t){START_FAULT, stacked ? frame[6] : 0, stacked ? frame[5] : 0, SCB_CFSR, SCB_HFSR, SCB_BFAR});
    reset();
}

static __attribute__((used)) void on_watchdog(const uint32_t *frame)
{
    MXC_WDT->ctrl &= ~MXC_F_WDT_CTRL_INT_LATE;
    keep((start_record_t){.cause = START_WATCHDOG, .pc = frame[6], .lr = frame[5]});
    for (;;) { /* the reset is on its way */
    }
}

/* Both find the frame on top of the stack. After a fault that stack may be no memory, so the handler begins a new one. */
__attribute__((naked)) void fault_handler(void)
{
    __asm volatile("mov r0, sp\n\tldr r1, =stack_top\n\tmov sp, r1\n\tb on_fault");
}

static __attribute__((naked)) void watchdog_isr(void)
{
    __asm volatile("mov r0, sp\n\tb on_watchdog");
}

void supervisor_init(void)
{
    if (kept.valid == RECORD_VALID) {
        last = kept.record;
    } else if (MXC_WDT->ctrl & MXC_F_WDT_CTRL_RST_LATE) {
        last.cause = START_WATCHDOG; /* with interrupts off it leaves no record */
    }
    kept.valid = 0;
    MXC_WDT->ctrl &= ~MXC_F_WDT_CTRL_RST_LATE;

    uint32_t *const end = __builtin_frame_address(0);
    for (uint32_t *word = noinit_end; word < end - 16; word++) { /* 16: this function's own */
        *word = GUARD;
    }

    MXC_GCR->pclkdis1 &= ~MXC_F_GCR_PCLKDIS1_WDT0;
    MXC_WDT->ctrl = PERIOD(INTERRUPT_POWER) << MXC_F_WDT_CTRL_INT_LATE_VAL_POS
                    | PERIOD(RESET_POWER) << MXC_F_WDT_CTRL_RST_LATE_VAL_POS | MXC_F_WDT_CTRL_WDT_INT_EN
                    | MXC_F_WDT_CTRL_WDT_RST_EN;
    watchdog_feed();
    cpu_set_vector(WDT0_IRQ, watchdog_isr);
    MXC_WDT->ctrl |= MXC_F_WDT_CTRL_EN;
}

void watchdog_feed(void)
{
    MXC_WDT->rst = WDT_FEED0;
    MXC_WDT->rst = WDT_FEED1;
}

start_record_t supervisor_last_start(void)
{
    return last;
}

uint32_t supervisor_stack_used(void)
{
    const uint32_t *word = noinit_end;
    while (word < stack_top && *word == GUARD) {
        word++;
    }
    return (uint32_t)(stack_top - word) * sizeof *word;
}

void supervisor_check_stack(void)
{
    for (size_t i = 0; i < GUARD_WORDS; i++) {
        if (noinit_end[i] != GUARD) {
            supervisor_restart(START_STACK);
        }
    }
}
