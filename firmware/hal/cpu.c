#include <string.h>

#include "cortex_m4.h"
#include "hal.h"

extern const handler_t vectors[CORE_EXCEPTIONS + EXTERNAL_INTERRUPTS]; /* in flash, startup.c */

/* Handlers arrive as pointers at run time (generated code does so), hence a copy of the table in RAM. VTOR takes
 * multiples of the next power of two above its 480 bytes. */
static handler_t ram_vectors[CORE_EXCEPTIONS + EXTERNAL_INTERRUPTS] __attribute__((aligned(512)));

void cpu_set_vector(uint32_t interrupt, handler_t handler)
{
    if (SCB_VTOR != (uint32_t)ram_vectors) {
        memcpy(ram_vectors, vectors, sizeof ram_vectors);
        SCB_VTOR = (uint32_t)ram_vectors;
    }
    ram_vectors[CORE_EXCEPTIONS + interrupt] = handler;
    core_barrier();
    /* The accelerator's comes first, whatever is being received: its handler stops the stopwatch. */
    NVIC_IPR[interrupt] = interrupt == CNN_IRQ ? 0 : 1u << 5;
    NVIC_ICPR[interrupt / 32u] = 1u << interrupt % 32u;
    NVIC_ISER[interrupt / 32u] = 1u << interrupt % 32u;
}

void cpu_hold_interrupts(void)
{
    __asm volatile("cpsid i" ::: "memory");
}

void cpu_release_interrupts(void)
{
    __asm volatile("cpsie i\n\tisb" ::: "memory");
}

void cpu_wait_for_interrupt(void)
{
    __asm volatile("dsb\n\twfi" ::: "memory");
}
