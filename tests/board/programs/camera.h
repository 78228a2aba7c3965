/* Bringing the camera up, written from the facts alone. Each step can be left out or done wrong. */
#ifndef CAMERA_H
#define CAMERA_H

#include "board.h"

#define GCR_RST1 REG(0x40000044)
#define GCR_PCLKDIS1 REG(0x40000048)
#define GPIO(n, offset) REG(0x40008000 + 0x1000 * (n) + (offset))
#define EN0_SET 0x04
#define EN0_CLR 0x08
#define OUTEN_SET 0x10
#define OUTEN_CLR 0x14
#define OUT_SET 0x1C
#define OUT_CLR 0x20
#define IN 0x24
#define EN1_SET 0x6C
#define I2C(n, offset) REG(0x4001D000 + 0x1000 * (n) + (offset))
#define PTG_ENABLE REG(0x4003C000)
#define PT0_RATE_LENGTH REG(0x4003C020)
#define PT0_TRAIN REG(0x4003C024)
#define PT0_LOOP REG(0x4003C028)
#define PCIF(offset) REG(0x4000E000 + (offset))
#define CTRL 0x08
#define INT_EN 0x0C
#define INT_FL 0x10
#define FIFO_DATA 0x30
#define IMG_DONE 1u
#define FIFO_FULL 2u
#define PCIF_SYS (1u << 31)
#define DMA_INTEN REG(0x40028000)
#define DMA(offset) REG(0x40028100 + (offset))
#define DMA_STATUS 0x04
#define DMA_DST 0x0C
#define DMA_CNT 0x10
#define DMA_CTZ 4u
#define PCIF_IRQ 91
#define DMA0_IRQ 28
#define SCL (1u << 30)
#define SDA (1u << 31)
#define NOTHING 0xFFFFFFFFu
#define MILLISECOND 50000u /* of TMR0 */

static inline void wait(uint32_t ticks)
{
    const uint32_t start = TMR_CNT(0);
    while (TMR_CNT(0) - start < ticks) {
    }
}

/* --- I2C as a master ------------------------------------------------------------------------------------------- */

static inline void i2c_init(int n, uint32_t pins)
{
    if (n == 1) {
        GCR_PCLKDIS0 &= ~(1u << 28);
    } else {
        GCR_PCLKDIS1 &= ~(1u << 24);
    }
    GPIO(0, EN0_CLR) = pins;
    I2C(n, 0x34) = 249; /* 100 kHz */
    I2C(n, 0x38) = 249;
    I2C(n, 0x00) = 3;
}

/* Sends the address, then either bytes or a request for them; true if it was acknowledged. */
static inline bool i2c_transfer(int n, uint8_t address, const uint8_t *out, uint32_t count, uint8_t *in)
{
    I2C(n, 0x08) = ~0u;
    I2C(n, 0x24) |= 1u << 7;
    I2C(n, 0x1C) |= 1u << 7;
    if (in) {
        I2C(n, 0x20) = count;
    }
    I2C(n, 0x30) = 1;
    I2C(n, 0x2C) = (uint32_t)address << 1 | (in ? 1u : 0u);
    for (uint32_t i = 0; out && i < count; i++) {
        I2C(n, 0x2C) = out[i];
    }
    const bool good = !(I2C(n, 0x08) & 1u << 10);
    for (uint32_t i = 0; good && in && i < count; i++) {
        in[i] = (uint8_t)I2C(n, 0x2C);
    }
    I2C(n, 0x30) = 4;
    while (!(I2C(n, 0x08) & 1u << 6)) {
    }
    return good;
}

static inline uint32_t pmic_read(uint8_t address)
{
    uint8_t value;
    const bool good = i2c_transfer(1, 0x28, &address, 1, 0) && i2c_transfer(1, 0x28, 0, 1, &value);
    return good ? value : NOTHING;
}

static inline void pmic_ldo2(uint8_t mode, uint8_t voltage)
{
    const uint8_t data[] = {0x0F, mode, voltage}, opcode[] = {0x17, 0x42};
    i2c_transfer(1, 0x28, data, 3, 0);
    i2c_transfer(1, 0x28, opcode, 2, 0);
}

/* --- SCCB by hand ---------------------------------------------------------------------------------------------- */

static inline void half_step(void)
{
    for (volatile int n = 0; n < 8; n++) {
    }
}

static inline void line(uint32_t pin, bool high)
{
    GPIO(0, high ? OUT_SET : OUT_CLR) = pin;
    half_step();
}

static inline void sccb_start(void)
{
    line(SDA, true);
    line(SCL, true);
    line(SDA, false);
    line(SCL, false);
}

static inline void sccb_stop(void)
{
    line(SDA, false);
    line(SCL, true);
    line(SDA, true);
}

static inline bool sccb_clock(void)
{
    line(SCL, true);
    const bool level = GPIO(0, IN) & SDA;
    line(SCL, false);
    return level;
}

/* True if the byte was acknowledged. */
static inline bool sccb_send(uint8_t byte)
{
    for (int bit = 7; bit >= 0; bit--) {
        line(SDA, byte >> bit & 1);
        sccb_clock();
    }
    GPIO(0, OUTEN_CLR) = SDA;
    const bool acknowledged = !sccb_clock();
    GPIO(0, OUTEN_SET) = SDA;
    return acknowledged;
}

static inline bool sccb_write(uint8_t address, uint8_t value)
{
    sccb_start();
    const bool good = sccb_send(0x78) && sccb_send(address) && sccb_send(value);
    sccb_stop();
    return good;
}

static inline uint32_t sccb_read(uint8_t address)
{
    uint32_t value = 0;
    sccb_start();
    bool good = sccb_send(0x78) && sccb_send(address);
    sccb_stop();
    sccb_start();
    good = good && sccb_send(0x79);
    GPIO(0, OUTEN_CLR) = SDA;
    for (int bit = 0; good && bit < 8; bit++) {
        value = value << 1 | sccb_clock();
    }
    GPIO(0, OUTEN_SET) = SDA;
    line(SDA, true);
    sccb_clock(); /* not acknowledged: no more */
    sccb_stop();
    return good ? value : NOTHING;
}

static inline void sccb_init(void)
{
    GPIO(0, EN0_SET) = SCL | SDA;
    GPIO(0, OUT_SET) = SCL | SDA;
    GPIO(0, OUTEN_SET) = SCL | SDA;
}

/* The lowest address from 0 on that acknowledges. */
static inline uint32_t sccb_scan(void)
{
    for (uint32_t address = 0; address < 0x80; address++) {
        sccb_start();
        const bool there = sccb_send((uint8_t)(address << 1));
        sccb_stop();
        if (there) {
            return address;
        }
    }
    return NOTHING;
}

/* --- clock, sensor and interface -------------------------------------------------------------------------------- */

static inline void xclk_start(bool pause)
{
    GCR_PCLKDIS0 &= ~(1u << 29);
    GPIO(0, EN0_CLR) = 1u << 18;
    if (pause) {
        PT0_RATE_LENGTH = 4; /* the 32-bit pattern */
        PT0_TRAIN = 0x55555555;
        PT0_LOOP = 0xDC6C;
        PTG_ENABLE = 1;
        while (PTG_ENABLE & 1) {
        }
    }
    PT0_RATE_LENGTH = 1u << 27 | 4;
    PT0_LOOP = 0;
    PTG_ENABLE = 1;
}

static const uint8_t table[][2] = {
    {0x69, 0x52}, {0x1E, 0xB3}, {0x48, 0x42}, {0xFF, 0x01}, {0xB5, 0x30}, {0xFF, 0x00}, {0x16, 0x03}, {0x0C, 0xD6},
    {0x82, 0x03}, {0x11, 0x00}, {0x12, 0x06}, {0xC3, 0x80}, {0x81, 0x3F}, {0x16, 0x07}, {0x31, 0x82}, {0x37, 0x00},
    {0x3E, 0x20}, {0x5E, 0x10}, {0x64, 0x11}, {0x69, 0x02}, {0xC4, 0x01}, {0xC5, 0x80}, {0xC6, 0x01}, {0xC7, 0x80},
    {0xC8, 0x02}, {0xC9, 0x80}, {0xCA, 0x01}, {0xCB, 0xE0}, {0xCC, 0x00}, {0xCD, 0x40}, {0xCE, 0x00}, {0xCF, 0x40},
    {0x13, 0xEF}, {0x14, 0x30}, {0x70, 0x10}, {0x71, 0x00}, {0x72, 0x0A}, {0x73, 0x02}, {0x74, 0x28}, {0x75, 0x98},
    {0x76, 0x00}, {0x77, 0x64}, {0x78, 0x01}, {0x79, 0xC2}, {0x0E, 0x00},
};

static inline void sensor_setup(uint32_t width, uint32_t lines, bool square)
{
    sccb_write(0x12, 0x80);
    while (sccb_read(0x12) != 0) {
        wait(MILLISECOND);
    }
    for (uint32_t n = 0; n < sizeof table / sizeof table[0]; n++) {
        sccb_write(table[n][0], table[n][1]);
    }
    if (square) {
        sccb_write(0xC8, 0x01);
        sccb_write(0xC9, 0xE0);
    }
    sccb_write(0xCC, (uint8_t)(width >> 8));
    sccb_write(0xCD, (uint8_t)width);
    sccb_write(0xCE, (uint8_t)(lines >> 8));
    sccb_write(0xCF, (uint8_t)lines);
}

static inline void pcif_pins(void)
{
    GPIO(0, EN0_CLR) = 0x0FF00000 | 1u << 15;
    GPIO(0, EN1_SET) = 0x0FF00000 | 1u << 15;
    GPIO(1, EN0_CLR) = 1u << 8 | 1u << 9;
}

static inline void dma_arm(void *target, uint32_t bytes)
{
    DMA(DMA_STATUS) = DMA_CTZ;
    DMA(DMA_DST) = (uint32_t)target;
    DMA(DMA_CNT) = bytes;
    DMA(0x00) = 0x836200D1;
}

#endif
