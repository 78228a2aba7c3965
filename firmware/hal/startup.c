/* From reset to main(): vector table, FPU, .data and .bss. */
#include "cortex_m4.h"
#include "hal.h"

extern uint32_t stack_top[], data_load[], data_start[], data_end[], bss_start[], bss_end[]; /* max78000.ld */
extern const handler_t vectors[CORE_EXCEPTIONS + EXTERNAL_INTERRUPTS];

int main(void);
void reset_handler(void);
void default_handler(void);

#define FAULTS_END 7u /* exceptions 2 to 6: NMI, hard, memory, bus and usage fault */

/* Interrupts nobody has asked for end here, until the watchdog ends that. */
__attribute__((weak)) void default_handler(void)
{
    for (;;) {
    }
}

__attribute__((noreturn)) void reset_handler(void)
{
    SCB_VTOR = (uint32_t)vectors;
    SCB_CPACR |= SCB_CPACR_FPU;
    core_barrier();
    const uint32_t *source = data_load;
    for (uint32_t *word = data_start; word < data_end; word++) {
        *word = *source++;
    }
    for (uint32_t *word = bss_start; word < bss_end; word++) {
        *word = 0;
    }
    main();
    for (;;) {
    }
}

__attribute__((section(".vectors"), used)) const handler_t vectors[CORE_EXCEPTIONS + EXTERNAL_INTERRUPTS] = {
    [0] = (handler_t)stack_top,
    [1] = reset_handler,
    [2 ... FAULTS_END - 1] = fault_handler,
    /* clang-format off */ /* which takes the dots for a part of the name */
    [FAULTS_END ... CORE_EXCEPTIONS + EXTERNAL_INTERRUPTS - 1] = default_handler,
    /* clang-format on */
};
