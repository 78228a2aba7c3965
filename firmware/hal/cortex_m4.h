/* The few core registers of ARMv7-M we touch; the processor's, not the MAX78000's, hence not in max78000.h. */
#ifndef CORTEX_M4_H
#define CORTEX_M4_H

#include <stdint.h>

#define NVIC_ISER ((volatile uint32_t *)0xe000e100u) /* write 1: enable, one bit per interrupt */
#define NVIC_ICPR ((volatile uint32_t *)0xe000e280u) /* write 1: no longer pending */
#define NVIC_IPR ((volatile uint8_t *)0xe000e400u) /* priority, a byte per interrupt, in its upper three bits */
#define SCB_VTOR (*(volatile uint32_t *)0xe000ed08u)
#define SCB_AIRCR (*(volatile uint32_t *)0xe000ed0cu)
#define SCB_AIRCR_KEY (0x05fau << 16)
#define SCB_AIRCR_SYSRESETREQ (1u << 2)
#define SCB_SCR (*(volatile uint32_t *)0xe000ed10u)
#define SCB_SCR_SLEEPDEEP (1u << 2)
#define SCB_CFSR (*(volatile uint32_t *)0xe000ed28u)
#define SCB_CFSR_STKERR (1u << 12) /* the stack is no memory */
#define SCB_HFSR (*(volatile uint32_t *)0xe000ed2cu)
#define SCB_BFAR (*(volatile uint32_t *)0xe000ed38u)
#define SCB_CPACR (*(volatile uint32_t *)0xe000ed88u)
#define SCB_CPACR_FPU (0xfu << 20)

#define CORE_EXCEPTIONS 16u /* entries of the vector table before the first interrupt */

static inline void core_barrier(void)
{
    __asm volatile("dsb\n\tisb" ::: "memory");
}

#endif
