/* Integer, conditional and floating-point work, once undisturbed and once under interrupts that use the same registers,
 * nested two deep. Sends both results and the number of interrupts. */
#include "board.h"

static volatile uint32_t inner, outer, wrong_nesting;
static volatile float junk = 1.5f;

static void disturb(void)
{
    float a = junk;
    for (int n = 0; n < 5; n++) {
        a = a * 1.25f + (float)n;
    }
    junk = a > 1e6f ? 1.5f : a;
    __asm volatile("vmov s0, %0\n vmov s5, %0\n vmov s15, %0\n vmov s20, %0\n vcmp.f32 s0, #0\n vmrs apsr_nzcv, fpscr"
                   : : "r"(0x7FC00001) : "s0", "s5", "s15", "s20", "cc");
}

static void on_tick(void) /* urgent */
{
    uint32_t number;
    __asm volatile("mrs %0, ipsr" : "=r"(number));
    wrong_nesting += number != 15;
    inner++;
    disturb();
}

static void on_alarm(void)
{
    uint32_t before = inner;
    TMR_INTFL(1) = 1;
    outer++;
    while (inner == before) { /* ends only if SysTick may interrupt */
        disturb();
    }
}

__attribute__((noinline)) static uint32_t work(void)
{
    __asm volatile("" ::: "memory"); /* not to be computed once for both calls */
    float x = 0.5f, y = 0.25f;
    uint32_t hash = 1;
    for (uint32_t n = 1; n < 40000; n++) {
        x = x * 0.99f + y / (float)n;
        y = y + (x > y ? 0.125f : -0.0625f);
        if (hash & 1) {
            hash = hash >> 1 ^ 0xEDB88320u;
        } else {
            hash = hash >> 1;
        }
        hash = hash * 17u + (uint32_t)(x * 1000.0f);
    }
    union { float f; uint32_t u; } bits = {x + y};
    return hash ^ bits.u;
}

/* Time for interrupts while the stack is not a multiple of eight. */
__attribute__((noinline)) static void misaligned(void)
{
    __asm volatile("push {r4}\n movw r4, #60000\n 1: subs r4, #1\n bne 1b\n pop {r4}" : : : "cc", "memory");
}

static inline uint32_t stack_pointer(void)
{
    uint32_t value;
    __asm volatile("mov %0, sp" : "=r"(value) : : "memory");
    return value;
}

int main(void)
{
    board_init();
    send(work());
    ram_vectors[15] = on_tick;
    SHPR[15 - 0] = 0x20; /* SysTick before the alarm */
    NVIC_IPR[TMR0_IRQ + 1] = 0x60;
    enable_irq(TMR0_IRQ + 1, on_alarm);
    SYST_RVR = 997;
    SYST_CVR = 0;
    SYST_CSR = 7;
    TMR_CTRL1(1) = 1u << 31 | 1u << 8;
    TMR_CTRL0(1) = 1u << 14 | 1u;
    TMR_CNT(1) = 1;
    TMR_CMP(1) = 2111;
    TMR_CTRL0(1) |= 1u << 15;
    const uint32_t before = stack_pointer();
    const uint32_t disturbed = work();
    misaligned();
    const uint32_t moved = before - stack_pointer();
    SYST_CSR = 0;
    TMR_CTRL0(1) = 0;
    send(disturbed);
    send(inner);
    send(outer);
    send(wrong_nesting);
    send(moved);
    for (;;) {
    }
}
