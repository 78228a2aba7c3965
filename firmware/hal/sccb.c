/* The camera's two-wire bus on P0.30 (clock) and P0.31 (data), by hand: no repeated start, both levels driven. */
#include "hal.h"

#define CLOCK (1u << 30)
#define DATA (1u << 31)
#define STEP_TICKS (4u * TIMER_TICKS_PER_US)
#define GAP_TICKS (100u * TIMER_TICKS_PER_US) /* between the bytes of a write */

static mxc_gpio_regs_t *const port = MXC_GPIO0;

static void set(uint32_t line, bool high)
{
    if (high) {
        port->out_set = line;
    } else {
        port->out_clr = line;
    }
    timer_wait(STEP_TICKS);
}

void sccb_init(void)
{
    const mxc_gpio_cfg_t pins = {port, CLOCK | DATA, MXC_GPIO_PAD_NONE, MXC_GPIO_FUNC_OUT};
    clock_enable(MXC_F_GCR_PCLKDIS0_GPIO0);
    port->vssel &= ~(CLOCK | DATA); /* 1.8 V */
    port->out_set = CLOCK | DATA;
    port->inen |= DATA;
    gpio_configure(&pins);
}

static void start(void)
{
    set(DATA, true);
    set(CLOCK, true);
    set(DATA, false);
    set(CLOCK, false);
}

static void stop(void)
{
    set(DATA, false);
    set(CLOCK, true);
    set(DATA, true);
}

static void send_bit(bool bit)
{
    set(DATA, bit);
    set(CLOCK, true);
    set(CLOCK, false);
}

/* With the data line released. */
static bool receive_bit(void)
{
    timer_wait(STEP_TICKS);
    set(CLOCK, true);
    const bool bit = port->in & DATA;
    set(CLOCK, false);
    return bit;
}

/* True when it was acknowledged. */
static bool send(uint8_t byte)
{
    for (uint32_t mask = 0x80; mask > 0; mask >>= 1) {
        send_bit(byte & mask);
    }
    port->outen_clr = DATA;
    const bool refused = receive_bit();
    port->outen_set = DATA;
    return !refused;
}

static uint8_t receive(void)
{
    uint8_t byte = 0;
    port->outen_clr = DATA;
    for (uint32_t bit = 0; bit < 8u; bit++) {
        byte = (uint8_t)(byte << 1 | receive_bit());
    }
    port->outen_set = DATA;
    send_bit(true); /* no more */
    return byte;
}

bool sccb_write(uint8_t address, uint8_t number, uint8_t value)
{
    const uint8_t bytes[] = {(uint8_t)(address << 1), number, value};
    bool good = true;
    start();
    for (size_t i = 0; good && i < sizeof bytes; i++) {
        good = send(bytes[i]);
        timer_wait(GAP_TICKS);
    }
    stop();
    return good;
}

bool sccb_read(uint8_t address, uint8_t number, uint8_t *value)
{
    start();
    bool good = send((uint8_t)(address << 1)) && send(number);
    stop();
    if (good) {
        start();
        good = send((uint8_t)(address << 1 | 1u));
        *value = good ? receive() : 0;
        stop();
    }
    return good;
}
