/* The CRC engine by bytes, by words and most significant bit first; random numbers by polling and by interrupt. */
#include "board.h"

#define CRC(offset) REG(0x4000F000 + (offset))
#define CRC_CTRL CRC(0x00)
#define CRC_DATA CRC(0x04)
#define CRC_DATA8 (*(volatile uint8_t *)0x4000F004)
#define CRC_POLY CRC(0x08)
#define CRC_VAL CRC(0x0C)
#define TRNG_CTRL REG(0x4004D000)
#define TRNG_STATUS REG(0x4004D004)
#define TRNG_DATA REG(0x4004D008)
#define MSB (1u << 2)
#define SWAP_IN (1u << 3)
#define SWAP_OUT (1u << 4)

static volatile uint32_t by_interrupt;

static void on_number(void)
{
    TRNG_CTRL = 0;
    by_interrupt = TRNG_DATA;
}

static void take(const char *text)
{
    CRC_VAL = ~0u;
    while (*text) {
        CRC_DATA8 = (uint8_t)*text++;
    }
    send(CRC_VAL);
}

int main(void)
{
    board_init();
    CRC_CTRL = 1;
    take("123456789");
    CRC_VAL = ~0u;
    CRC_DATA = 0x34333231;
    CRC_DATA = 0x38373635;
    CRC_DATA8 = 0x39;
    send(CRC_VAL);
    CRC_CTRL = 1 | MSB;
    CRC_POLY = 0x04C11DB7;
    take("123456789");
    CRC_CTRL = 1 | MSB | SWAP_IN | SWAP_OUT;
    CRC_VAL = ~0u;
    CRC_DATA = 0x34333231;
    send(CRC_VAL);
    CRC_CTRL = 0;
    CRC_DATA = 1; /* ignored */
    send(CRC_VAL);
    for (int n = 0; n < 4; n++) {
        while (!(TRNG_STATUS & 1)) {
        }
        send(TRNG_DATA);
    }
    enable_irq(4, on_number);
    TRNG_CTRL = 1u << 1;
    while (by_interrupt == 0) {
    }
    send(by_interrupt);
    for (;;) {
    }
}
