#include "hal.h"
#include "ring.h"
#include "wait.h"

#define EIGHT_BITS 3u    /* CTRL.CHAR_SIZE */
#define OVERSAMPLING 5u  /* OSR, as the vendor's driver always sets it */
#define MAX_RATE 1000000u

#define MOST_EXPECTED 4u /* of 8 in the FIFO: the others have 43 us to be fetched in at 921,600 baud */

/* The FIFO holds 87 us of a line at 921,600 baud; the program may be busy for longer than that. */
static ring_t received;
static uint32_t expected = 1;

static uint32_t divider(uint32_t baud_rate)
{
    return (IBRO_HZ + baud_rate / 2u) / baud_rate; /* 115,200 … 921,600 divide 7.3728 MHz exactly */
}

static uint32_t level(uint32_t mask, uint32_t position)
{
    return (MXC_UART0->status & mask) >> position;
}

static void receive(void)
{
    MXC_UART0->int_fl = MXC_F_UART_INT_FL_RX_THD | MXC_F_UART_INT_FL_RX_OV; /* before reading: what comes now counts */
    uint32_t count;
    while ((count = level(MXC_F_UART_STATUS_RX_LVL, MXC_F_UART_STATUS_RX_LVL_POS)) > 0) {
        while (count-- > 0) {
            (void)ring_put(&received, (uint8_t)MXC_UART0->fifo); /* a lost byte shows in the frame's CRC */
        }
    }
}

void uart_expect(size_t bytes)
{
    const uint32_t threshold = bytes < 1u ? 1u : bytes < MOST_EXPECTED ? (uint32_t)bytes : MOST_EXPECTED;
    if (threshold != expected) {
        expected = threshold;
        MXC_UART0->ctrl = (MXC_UART0->ctrl & ~MXC_F_UART_CTRL_RX_THD_VAL) | threshold << MXC_F_UART_CTRL_RX_THD_VAL_POS;
        receive(); /* what is there already may be below the new threshold */
    }
}

void uart_listen(bool on)
{
    MXC_UART0->int_en = on ? MXC_F_UART_INT_EN_RX_THD : 0;
}

bool uart_init(uint32_t baud_rate)
{
    const mxc_gpio_cfg_t pins = {MXC_GPIO0, 1u << 0 | 1u << 1, MXC_GPIO_PAD_NONE, MXC_GPIO_FUNC_ALT1}; /* RX, TX */
    gpio_configure(&pins);
    clock_enable(MXC_F_GCR_PCLKDIS0_UART0);
    if (!clock_reset(MXC_F_GCR_RST0_UART0)) {
        return false;
    }
    MXC_UART0->ctrl = expected << MXC_F_UART_CTRL_RX_THD_VAL_POS | EIGHT_BITS << MXC_F_UART_CTRL_CHAR_SIZE_POS
                      | UART_BCLKSRC_IBRO << MXC_F_UART_CTRL_BCLKSRC_POS;
    MXC_UART0->osr = OVERSAMPLING;
    if (!uart_set_rate(baud_rate)) {
        return false;
    }
    cpu_set_vector(UART0_IRQ, receive);
    uart_listen(true);
    return true;
}

uint32_t uart_nearest_rate(uint32_t baud_rate)
{
    return baud_rate == 0 || baud_rate > MAX_RATE ? 0 : IBRO_HZ / divider(baud_rate);
}

bool uart_set_rate(uint32_t baud_rate)
{
    MXC_UART0->ctrl &= ~MXC_F_UART_CTRL_BCLKEN;
    MXC_UART0->clkdiv = divider(baud_rate);
    MXC_UART0->ctrl |= MXC_F_UART_CTRL_BCLKEN;
    return wait_for_set(&MXC_UART0->ctrl, MXC_F_UART_CTRL_BCLKRDY);
}

bool uart_has_data(void)
{
    return !ring_is_empty(&received);
}

size_t uart_read(uint8_t *data, size_t room)
{
    return ring_get(&received, data, room);
}

void uart_write(const uint8_t *data, size_t length)
{
    while (length > 0) {
        uint32_t room = UART_FIFO_DEPTH - level(MXC_F_UART_STATUS_TX_LVL, MXC_F_UART_STATUS_TX_LVL_POS);
        for (; room > 0 && length > 0; room--, length--) {
            MXC_UART0->fifo = *data++;
        }
    }
}

void uart_drain(void)
{
    (void)wait_for_set(&MXC_UART0->status, MXC_F_UART_STATUS_TX_EM);
    (void)wait_for_clear(&MXC_UART0->status, MXC_F_UART_STATUS_TX_BUSY);
}
