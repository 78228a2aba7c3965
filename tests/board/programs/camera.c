/* Takes pictures as told by six words: what to do differently, width, lines asked for, bytes of a picture, register 12,
 * register 0C. Sends the power chip's identity, its answer, the sensor's address and identity; and of each of two
 * pictures, or none, the flags, the bytes that DMA still waits for, the time and the memory. */
#include "camera.h"

enum {
    NO_SUPPLY = 1 << 0,
    NO_XCLK = 1 << 1,
    NO_PAUSE = 1 << 2,
    CLOCK_GATED = 1 << 3,
    DMA_ONCE = 1 << 4,
    TWELVE_BITS = 1 << 5,
    THREE_BYTES = 1 << 6,
    BY_PROCESSOR = 1 << 7,
    SLEEPS_FIRST = 1 << 8,
    BY_I2C2 = 1 << 9,
    COLOUR_BAR = 1 << 10,
    NO_DATA_PINS = 1 << 11,
    NO_SYNC_PINS = 1 << 12,
    WIDE = 1 << 13,
    ASLEEP = 1 << 14,
    CONTINUOUS = 1 << 15,
    HALF_RATE = 1 << 16,
    NO_PMIC_WAIT = 1 << 17,
    DMA_GATED = 1 << 18,
    LOW_VOLTAGE = 1 << 19,
};

static uint32_t told[6];
static uint32_t picture[0x14000 / 4];
static volatile uint32_t flags_seen;

static void on_frame(void)
{
    flags_seen |= PCIF(INT_FL);
    PCIF(INT_FL) = PCIF(INT_FL);
}

static uint32_t read_id(uint8_t address)
{
    if (!(told[0] & BY_I2C2)) {
        return sccb_read(address);
    }
    uint8_t value;
    const bool good = i2c_transfer(2, 0x3C, &address, 1, 0) && i2c_transfer(2, 0x3C, 0, 1, &value);
    return good ? value : NOTHING;
}

/* The flags at the end of a picture, 0 after 300 ms. */
static uint32_t await_frame(uint32_t bytes)
{
    const uint32_t start = TMR_CNT(0);
    uint32_t words = 0;
    if (told[0] & (SLEEPS_FIRST | ASLEEP)) {
        while (!(flags_seen & IMG_DONE)) {
            __asm volatile("wfi");
        }
        return flags_seen;
    }
    while (TMR_CNT(0) - start < 300 * MILLISECOND) {
        const uint32_t flags = PCIF(INT_FL);
        if (told[0] & BY_PROCESSOR && flags & 1u << 3 && words < bytes / 4) {
            picture[words++] = PCIF(FIFO_DATA);
        } else if (flags & IMG_DONE) {
            PCIF(INT_FL) = flags;
            return flags;
        }
    }
    return 0;
}

static void capture(uint32_t number)
{
    const uint32_t bytes = told[3], mode = told[0] & CONTINUOUS ? 2 : 1, start = TMR_CNT(0);
    for (uint32_t n = 0; n < bytes / 4; n++) {
        picture[n] = 0xEEEEEEEE;
    }
    flags_seen = 0;
    if (!(told[0] & (BY_PROCESSOR | DMA_ONCE)) || (told[0] & DMA_ONCE && number == 0)) {
        dma_arm(picture, bytes);
    }
    if (told[0] & SLEEPS_FIRST) {
        await_frame(bytes);
    }
    PCIF(CTRL) = (PCIF(CTRL) & ~3u) | mode;
    const uint32_t flags = await_frame(bytes);
    send(flags);
    send(DMA(DMA_CNT));
    send(TMR_CNT(0) - start);
    for (uint32_t n = 0; n < bytes / 4; n++) {
        send(picture[n]);
    }
}

int main(void)
{
    board_init();
    for (uint32_t n = 0; n < 24; n++) {
        told[n / 4] |= (uint32_t)receive() << n % 4 * 8;
    }
    if (!(told[0] & NO_PMIC_WAIT)) {
        wait(200 * MILLISECOND);
    }
    i2c_init(1, 3u << 16);
    send(pmic_read(0x00));
    if (!(told[0] & NO_SUPPLY)) {
        pmic_ldo2(0x01, told[0] & LOW_VOLTAGE ? 0x09 : 0x13);
        wait(10 * MILLISECOND);
    }
    send(pmic_read(0x18));
    if (!(told[0] & NO_XCLK)) {
        xclk_start(!(told[0] & NO_PAUSE));
    }
    sccb_init();
    send(sccb_scan());
    if (told[0] & BY_I2C2) {
        i2c_init(2, SCL | SDA);
    }
    send(read_id(0x0A) << 24 | read_id(0x0B) << 16 | read_id(0x1C) << 8 | read_id(0x1D));
    if (told[0] & BY_I2C2) {
        sccb_init();
    }
    if (sccb_scan() == 0x3C) {
        sensor_setup(told[1], told[2], !(told[0] & WIDE));
        sccb_write(0x12, (uint8_t)told[4]);
        sccb_write(0x0C, (uint8_t)told[5]);
        if (told[0] & HALF_RATE) {
            sccb_write(0x11, 1);
        }
        if (told[0] & COLOUR_BAR) {
            sccb_write(0x82, 0x0F);
        }
    }
    if (!(told[0] & CLOCK_GATED)) {
        GCR_PCLKDIS1 &= ~(1u << 18);
    }
    if (!(told[0] & NO_SYNC_PINS)) {
        pcif_pins();
    }
    if (told[0] & NO_DATA_PINS) {
        GPIO(0, EN0_SET) = 0x0FF00000;
    }
    enable_irq(PCIF_IRQ, on_frame);
    if (!(told[0] & DMA_GATED)) {
        GCR_PCLKDIS0 &= ~(1u << 5);
    }
    PCIF(CTRL) = PCIF_SYS | 4u << 5 | (told[0] & BY_PROCESSOR ? 0 : 1u << 16 | 1u << 17)
                 | (told[0] & TWELVE_BITS ? 2u << 2 : 0) | (told[0] & THREE_BYTES ? 1u << 30 : 0);
    if (told[0] & (SLEEPS_FIRST | ASLEEP)) {
        PCIF(INT_EN) = IMG_DONE;
    }
    for (uint32_t n = 0; n < 2; n++) {
        capture(n);
    }
    for (;;) {
    }
}
