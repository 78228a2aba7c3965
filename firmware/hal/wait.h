/* Waiting for the hardware, but not for ever. */
#ifndef WAIT_H
#define WAIT_H

#include <stdbool.h>
#include <stdint.h>

/* True once all bits of `mask` are set; false after a million looks, some 50 ms, far above any start-up time. */
static inline bool wait_for_set(const volatile uint32_t *reg, uint32_t mask)
{
    for (uint32_t looks = 0; looks < 1000000u; looks++) {
        if ((*reg & mask) == mask) {
            return true;
        }
    }
    return false;
}

/* True once all bits of `mask` are clear. */
static inline bool wait_for_clear(const volatile uint32_t *reg, uint32_t mask)
{
    for (uint32_t looks = 0; looks < 1000000u; looks++) {
        if ((*reg & mask) == 0) {
            return true;
        }
    }
    return false;
}

#endif
