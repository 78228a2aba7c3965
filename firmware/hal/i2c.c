/* I2C1 as master, polled: SCL on P0.16, SDA on P0.17, shared with the board's power supply chip and audio codec. */
#include "hal.h"
#include "wait.h"

#define HALF_PERIOD(hz) (TIMER_HZ / 2u / (hz)) /* in periods of PCLK */
#define ANY 0xffffffffu
#define LINES (MXC_F_I2C_CTRL_SCL | MXC_F_I2C_CTRL_SDA)
#define ERRORS \
    (MXC_F_I2C_INTFL0_ARB_ERR | MXC_F_I2C_INTFL0_TO_ERR | MXC_F_I2C_INTFL0_ADDR_NACK_ERR | MXC_F_I2C_INTFL0_DATA_ERR \
     | MXC_F_I2C_INTFL0_DNR_ERR | MXC_F_I2C_INTFL0_START_ERR | MXC_F_I2C_INTFL0_STOP_ERR)
#define WAIT_TICKS (TIMER_HZ / 200u) /* 5 ms, a hundred times what a transfer takes */

static mxc_i2c_regs_t *const bus = MXC_I2C1;

static void drive(bool scl, bool sda)
{
    bus->ctrl = MXC_F_I2C_CTRL_EN | MXC_F_I2C_CTRL_BB_MODE | (scl ? MXC_F_I2C_CTRL_SCL_OUT : 0u)
                | (sda ? MXC_F_I2C_CTRL_SDA_OUT : 0u);
    timer_wait(HALF_PERIOD(I2C_RATE_HZ));
}

/* A device that was interrupted in the middle of a byte holds SDA down: clock the rest out of it, then stop. */
static bool recover(void)
{
    drive(true, true);
    for (uint32_t clock = 0; clock < 9u && !(bus->ctrl & MXC_F_I2C_CTRL_SDA); clock++) {
        drive(false, true);
        drive(true, true);
    }
    drive(false, false);
    drive(true, false);
    drive(true, true);
    const bool free = (bus->ctrl & LINES) == LINES;
    bus->ctrl = 0;
    return free;
}

void i2c_set_rate(uint32_t hz)
{
    bus->clklo = bus->clkhi = HALF_PERIOD(hz) - 1u;
}

bool i2c_init(void)
{
    const mxc_gpio_cfg_t pins = {MXC_GPIO0, 1u << 16 | 1u << 17, MXC_GPIO_PAD_NONE, MXC_GPIO_FUNC_ALT1};
    clock_enable(MXC_F_GCR_PCLKDIS0_I2C1);
    MXC_GCR->rst1 = MXC_F_GCR_RST1_I2C1;
    if (!wait_for_clear(&MXC_GCR->rst1, MXC_F_GCR_RST1_I2C1)) {
        return false;
    }
    gpio_configure(&pins);
    if (!recover()) {
        return false;
    }
    i2c_set_rate(I2C_RATE_HZ);
    bus->ctrl = MXC_F_I2C_CTRL_EN | MXC_F_I2C_CTRL_MST;
    return true;
}

static void prepare(void)
{
    bus->intfl0 = ANY;
    bus->intfl1 = ANY;
    bus->txctrl0 |= MXC_F_I2C_TXCTRL0_FLUSH;
    bus->rxctrl0 |= MXC_F_I2C_RXCTRL0_FLUSH;
}

/* True once `flags` are all set; false on an error or after too long. */
static bool await(uint32_t flags)
{
    const uint32_t start = timer_ticks();
    for (;;) {
        const uint32_t now = bus->intfl0;
        if (now & ERRORS || timer_ticks() - start > WAIT_TICKS) {
            return false;
        }
        if ((now & flags) == flags) {
            return true;
        }
    }
}

static bool finish(bool good)
{
    bus->mstctrl |= MXC_F_I2C_MSTCTRL_STOP;
    if (good && await(MXC_F_I2C_INTFL0_STOP | MXC_F_I2C_INTFL0_DONE)) {
        return true;
    }
    (void)wait_for_clear(&bus->status, MXC_F_I2C_STATUS_MST_BUSY);
    return false;
}

bool i2c_write(uint8_t address, const uint8_t *data, size_t count)
{
    prepare();
    bus->fifo = (uint32_t)address << 1;
    for (size_t i = 0; i < count; i++) {
        bus->fifo = data[i];
    }
    bus->mstctrl |= MXC_F_I2C_MSTCTRL_START;
    return finish(true);
}

static bool receive(uint8_t *data, size_t count)
{
    const bool read = await(MXC_F_I2C_INTFL0_DONE);
    for (size_t i = 0; read && i < count; i++) {
        data[i] = (uint8_t)bus->fifo;
    }
    return finish(read);
}

bool i2c_read(uint8_t address, uint8_t *data, size_t count)
{
    prepare();
    bus->rxctrl1 = count;
    bus->mstctrl |= MXC_F_I2C_MSTCTRL_START;
    bus->fifo = (uint32_t)address << 1 | 1u;
    return receive(data, count);
}

bool i2c_read_register(uint8_t address, uint8_t number, uint8_t *data, size_t count)
{
    prepare();
    bus->fifo = (uint32_t)address << 1;
    bus->fifo = number;
    bus->mstctrl |= MXC_F_I2C_MSTCTRL_START;
    if (!await(MXC_F_I2C_INTFL0_ADDR_ACK) || !wait_for_set(&bus->status, MXC_F_I2C_STATUS_TX_EM)) {
        return finish(false);
    }
    bus->rxctrl1 = count;
    bus->mstctrl |= MXC_F_I2C_MSTCTRL_RESTART;
    if (!wait_for_clear(&bus->mstctrl, MXC_F_I2C_MSTCTRL_RESTART)) {
        return finish(false);
    }
    bus->intfl0 = MXC_F_I2C_INTFL0_DONE; /* of the first half */
    bus->fifo = (uint32_t)address << 1 | 1u;
    return receive(data, count);
}
