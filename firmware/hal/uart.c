#include "hal.h"
#include "wait.h"

#define EIGHT_BITS 3u    /* CTRL.CHAR_SIZE */
#define OVERSAMPLING 5u  /* OSR, as the maker's driver always sets it */

bool uart_init(uint32_t baud_rate)
{
    const mxc_gpio_cfg_t pins = {MXC_GPIO0, 1u << 0 | 1u << 1, MXC_GPIO_PAD_NONE, MXC_GPIO_FUNC_ALT1}; /* RX, TX */
    gpio_configure(&pins);
    clock_enable(MXC_F_GCR_PCLKDIS0_UART0);
    if (!clock_reset(MXC_F_GCR_RST0_UART0)) {
        return false;
    }
    MXC_UART0->ctrl = 1u << MXC_F_UART_CTRL_RX_THD_VAL_POS | EIGHT_BITS << MXC_F_UART_CTRL_CHAR_SIZE_POS
                      | UART_BCLKSRC_IBRO << MXC_F_UART_CTRL_BCLKSRC_POS;
    MXC_UART0->osr = OVERSAMPLING;
    MXC_UART0->clkdiv = (IBRO_HZ + baud_rate / 2u) / baud_rate; /* 115,200 … 921,600 divide 7.3728 MHz exactly */
    MXC_UART0->ctrl |= MXC_F_UART_CTRL_BCLKEN;
    return wait_for_set(&MXC_UART0->ctrl, MXC_F_UART_CTRL_BCLKRDY);
}

static size_t receive_level(void)
{
    return (MXC_UART0->status & MXC_F_UART_STATUS_RX_LVL) >> MXC_F_UART_STATUS_RX_LVL_POS;
}

bool uart_has_data(void)
{
    return receive_level() > 0;
}

size_t uart_read(uint8_t *data, size_t room)
{
    size_t count = receive_level();
    if (count > room) {
        count = room;
    }
    for (size_t i = 0; i < count; i++) {
        data[i] = (uint8_t)MXC_UART0->fifo;
    }
    return count;
}

void uart_write(const uint8_t *data, size_t length)
{
    for (size_t i = 0; i < length; i++) {
        while (MXC_UART0->status & MXC_F_UART_STATUS_TX_FULL) {
        }
        MXC_UART0->fifo = data[i];
    }
}
