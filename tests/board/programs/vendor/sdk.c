/* What the vendor's SDK does to the registers: its start-up, board set-up and drivers, in our own words. Prints by
 * newlib's printf over a polled UART. */
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "mxc.h"

#define SYSTICK_CSR REG(0xE000E010)
#define SYSTICK_RVR REG(0xE000E014)
#define SYSTICK_CVR REG(0xE000E018)
#define COUNTFLAG (1u << 16)
#define NVIC_ICPR(n) REG(0xE000E280 + 4 * (n))
#define NVIC_ISER(n) REG(0xE000E100 + 4 * (n))
#define SCB_VTOR REG(0xE000ED08)
#define SCB_SCR REG(0xE000ED10)
#define SCB_CPACR REG(0xE000ED88)
#define LPGCR_PCLKDIS REG(0x4008000C)
#define SIMO_VREGO_C REG(0x4000440C)
#define PWRSEQ(offset) REG(0x40006800 + (offset))
#define ICC_CTRL REG(0x4002A100)
#define ICC_INVALIDATE REG(0x4002A700)
#define GPIO(n, offset) REG((n) == 2 ? 0x40080400 + (offset) : 0x40008000 + 0x1000 * (n) + (offset))
#define UART0(offset) REG(0x40042000 + (offset))

static uint32_t system_clock = 60000000;

/* --- start-up ------------------------------------------------------------------------------------------- */

#define VECTORS (16 + 104)

int main(void);
static void reset_handler(void);

static void default_handler(void)
{
    for (;;) {
    }
}

__attribute__((section(".vectors"), used, aligned(512))) static void (*const flash_vectors[VECTORS])(void) = {
    [0] = (void (*)(void))0x20020000,
    [1] = reset_handler,
    [2 ... VECTORS - 1] = default_handler,
};
static void (*ram_vectors[VECTORS])(void) __attribute__((aligned(512)));

extern uint32_t data_load[], data_start[], data_end[], bss_start[], bss_end[];

static bool wait_ready(uint32_t mask) /* of CLKCTRL, for a millisecond by SysTick */
{
    SYSTICK_RVR = system_clock / 1000;
    SYSTICK_CVR = 0;
    SYSTICK_CSR = 5;
    while (!(MXC_GCR->clkctrl & mask)) {
        if (SYSTICK_CSR & COUNTFLAG) {
            return false;
        }
    }
    SYSTICK_CSR = 0;
    return true;
}

void MXC_Delay(uint32_t microseconds) /* whole turns of SysTick, then the rest */
{
    uint64_t cycles = (uint64_t)microseconds * (system_clock / 1000000);
    SYSTICK_RVR = 0xFFFFFF;
    SYSTICK_CVR = 0xFFFFFF;
    SYSTICK_CSR = 5;
    for (; cycles > 0xFFFFFF; cycles -= 0xFFFFFF) {
        while (!(SYSTICK_CSR & COUNTFLAG)) {
        }
    }
    while (SYSTICK_CVR > 0xFFFFFF - (uint32_t)cycles || SYSTICK_CVR == 0) {
    }
    SYSTICK_CSR = 0;
}

static void board_init(void)
{
    MXC_Delay(200000); /* the power management chip brings up 1.8 V */
    SIMO_VREGO_C = 0x43;

    MXC_GCR->clkctrl |= 1u << 20; /* IBRO, for the UART */
    wait_ready(1u << 28);
    MXC_GCR->rst0 = 1u << 11;
    while (MXC_GCR->rst0 & 1u << 11) {
    }
    MXC_GCR->pclkdis0 &= ~(1u << 9 | 1u << 0 | 1u << 1);
    GPIO(0, 0x60) &= ~3u; /* no pull resistors at P0.0 and P0.1; alternate function 1 */
    GPIO(0, 0x64) &= ~3u;
    GPIO(0, 0xC0) &= ~3u;
    GPIO(0, 0x04) = 3;
    GPIO(0, 0x70) = 3;
    GPIO(0, 0x7C) = 3;
    GPIO(0, 0x08) = 3;
    UART0(0x00) = 1u | 3u << 10 | 2u << 16; /* threshold 1, eight bits, clocked by IBRO */
    UART0(0x14) = 5;
    UART0(0x10) = 64; /* 115,200 */
    UART0(0x00) |= 1u << 15;
    while (!(UART0(0x00) & 1u << 19)) {
    }

    GPIO(0, 0xC0) |= 1u << 2; /* SW1: input with a strong pull-up, supplied from VDDIOH */
    GPIO(0, 0x04) = 1u << 2;
    GPIO(0, 0x14) = 1u << 2;
    GPIO(0, 0x60) |= 1u << 2;
    GPIO(0, 0xB8) |= 1u << 2;
    LPGCR_PCLKDIS &= ~1u; /* port 2, with the LEDs */
    GPIO(2, 0xC0) |= 7;
    GPIO(2, 0x18) = 7;
    GPIO(2, 0x04) = 7;
    GPIO(2, 0x70) = 7;
    GPIO(2, 0x7C) = 7;
    GPIO(2, 0x10) = 7;
}

static void reset_handler(void)
{
    memcpy(data_start, data_load, (uintptr_t)data_end - (uintptr_t)data_start);
    memset(bss_start, 0, (uintptr_t)bss_end - (uintptr_t)bss_start);
    SCB_VTOR = (uint32_t)flash_vectors;
    SCB_CPACR |= 0xFu << 20;
    __asm volatile("dsb\n isb");
    board_init();
    main();
    for (;;) {
    }
}

/* --- drivers -------------------------------------------------------------------------------------------- */

void MXC_NVIC_SetVector(int irq, void (*handler)(void))
{
    if (SCB_VTOR != (uint32_t)ram_vectors) {
        memcpy(ram_vectors, flash_vectors, sizeof ram_vectors);
        SCB_VTOR = (uint32_t)ram_vectors;
    }
    ram_vectors[16 + irq] = handler;
    __asm volatile("dsb\n isb");
    NVIC_ICPR(irq / 32) = 1u << irq % 32;
    NVIC_ISER(irq / 32) = 1u << irq % 32;
}

void MXC_ICC_Enable(mxc_icc_regs_t *icc)
{
    (void)icc;
    ICC_CTRL &= ~1u;
    ICC_INVALIDATE = 1;
    while (!(ICC_CTRL & 1u << 16)) {
    }
    ICC_CTRL |= 1;
    while (!(ICC_CTRL & 1u << 16)) {
    }
}

int MXC_SYS_Clock_Select(int clock)
{
    (void)clock;
    if (!(MXC_GCR->clkctrl & 1u << 19)) {
        MXC_GCR->clkctrl |= 1u << 19;
        if (!wait_ready(1u << 27)) {
            return E_TIME_OUT;
        }
    }
    MXC_GCR->clkctrl = (MXC_GCR->clkctrl & ~(7u << 6 | 7u << 9)) | 4u << 9;
    return wait_ready(1u << 13) ? E_NO_ERROR : E_TIME_OUT;
}

void SystemCoreClockUpdate(void)
{
    system_clock = (MXC_GCR->clkctrl >> 9 & 7u) == 4 ? 100000000 : 60000000;
}

#define PRESCALER 6 /* 2^6: the stopwatch counts 1.28 us, for up to 2^32 us */

void MXC_TMR_SW_Start(mxc_tmr_regs_t *timer)
{
    MXC_GCR->rst0 = 1u << 5;
    while (MXC_GCR->rst0 & 1u << 5) {
    }
    MXC_GCR->pclkdis0 &= ~(1u << 15);
    timer->ctrl0 = 0;
    while (timer->ctrl1 & 1u << 3) {
    }
    timer->intfl |= 1; /* as the driver does it: set bits clear */
    timer->ctrl1 = 1u << 31;
    timer->ctrl0 = PRESCALER << 4 | 1u << 14;
    while (!(timer->ctrl1 & 1u << 3)) {
    }
    timer->cnt = 1;
    while (!(timer->intfl & 1u << 8)) {
    }
    timer->cmp = 0xC7FFFFFF;
    timer->ctrl0 |= 1u << 15;
    while (!(timer->ctrl1 & 1u << 2)) {
    }
}

unsigned int MXC_TMR_SW_Stop(mxc_tmr_regs_t *timer)
{
    (void)timer->cnt;
    const uint64_t counted = timer->cnt;
    timer->ctrl0 = 0;
    while (timer->ctrl1 & 1u << 3) {
    }
    return (unsigned int)((counted << PRESCALER) / (system_clock / 2000000));
}

void LED_On(unsigned int number)
{
    GPIO(2, 0x20) = 1u << number;
}

void MXC_LP_EnterSleepMode(void)
{
    static const uint8_t wake_status[] = {0x04, 0x0C, 0x30};
    for (unsigned n = 0; n < sizeof wake_status; n++) {
        PWRSEQ(wake_status[n]) = 0xFFFFFFFF; /* write 1 to clear */
        if (PWRSEQ(wake_status[n]) != 0) {
            printf("wake status %u stays\n", n);
        }
    }
    SCB_SCR &= ~(1u << 2);
    __asm volatile("wfi");
}

/* --- what newlib wants ---------------------------------------------------------------------------------- */

int _write(int file, const char *text, int length)
{
    (void)file;
    for (int n = 0; n < length; n++) {
        if (text[n] == '\n') {
            while (UART0(0x04) & 1u << 7) {
            }
            UART0(0x20) = '\r';
        }
        while (UART0(0x04) & 1u << 7) {
        }
        UART0(0x20) = (uint8_t)text[n];
    }
    return length;
}

void *_sbrk(int bytes)
{
    static char heap[4096] __attribute__((aligned(8)));
    static int used;
    used += bytes;
    return used <= (int)sizeof heap ? heap + used - bytes : (void *)-1;
}

int _fstat(int file, struct stat *status)
{
    (void)file;
    status->st_mode = S_IFCHR;
    return 0;
}

int _isatty(int file)
{
    (void)file;
    return 1;
}

int _close(int file)
{
    (void)file;
    return -1;
}

int _lseek(int file, int offset, int whence)
{
    (void)file, (void)offset, (void)whence;
    return 0;
}

int _read(int file, char *text, int length)
{
    (void)file, (void)text, (void)length;
    return 0;
}
