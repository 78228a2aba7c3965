/* The least a test program needs: registers by address, a vector table, the serial port. Each program defines main(). */
#ifndef BOARD_H
#define BOARD_H

#include <stdbool.h>
#include <stdint.h>

#define REG(address) (*(volatile uint32_t *)(address))

#define GCR_CLKCTRL REG(0x40000008)
#define GCR_PCLKDIV REG(0x40000018)
#define GCR_PCLKDIS0 REG(0x40000024)
#define UART_CTRL REG(0x40042000)
#define UART_STATUS REG(0x40042004)
#define UART_INT_EN REG(0x40042008)
#define UART_FIFO REG(0x40042020)
#define RX_EM (1u << 4)
#define TMR(n, offset) REG(0x40010000 + 0x1000 * (n) + (offset))
#define TMR_CNT(n) TMR(n, 0x00)
#define TMR_CMP(n) TMR(n, 0x04)
#define TMR_INTFL(n) TMR(n, 0x0C)
#define TMR_CTRL0(n) TMR(n, 0x10)
#define TMR_CTRL1(n) TMR(n, 0x18)
#define SYST_CSR REG(0xE000E010)
#define SYST_RVR REG(0xE000E014)
#define SYST_CVR REG(0xE000E018)
#define NVIC_ISER(n) REG(0xE000E100 + 4 * (n))
#define NVIC_IPR ((volatile uint8_t *)0xE000E400)
#define SHPR ((volatile uint8_t *)0xE000ED14) /* index by exception number, from 4 */
#define CNN_IRQ 101
#define UART0_IRQ 14
#define TMR0_IRQ 5

extern void (*ram_vectors[120])(void);

static inline void enable_irq(int number, void (*handler)(void))
{
    ram_vectors[16 + number] = handler;
    __asm volatile("" ::: "memory"); /* the processor reads it, which the compiler does not know */
    NVIC_ISER(number / 32) = 1u << number % 32;
}

/* 100 MHz; TMR0 counts PCLK, 50 MHz, 32 bits, for ever. */
static inline void board_init(void)
{
    GCR_CLKCTRL |= 1u << 19;
    while (!(GCR_CLKCTRL & 1u << 27)) {
    }
    GCR_CLKCTRL = (GCR_CLKCTRL & ~(7u << 9)) | 4u << 9;
    while (!(GCR_CLKCTRL & 1u << 13)) {
    }
    TMR_CTRL1(0) = 1u << 31;
    TMR_CTRL0(0) = 1u << 14 | 5u;
    TMR_CMP(0) = 0xFFFFFFFF;
    TMR_CNT(0) = 0;
    TMR_CTRL0(0) |= 1u << 15;
}

static inline void send(uint32_t word)
{
    for (int shift = 0; shift < 32; shift += 8) {
        UART_FIFO = word >> shift & 0xFF;
    }
}

static inline uint8_t receive(void)
{
    while (UART_STATUS & RX_EM) {
    }
    return (uint8_t)UART_FIFO;
}

#endif
