#include "hal.h"

static void enable_port(const mxc_gpio_regs_t *port)
{
    if (port == MXC_GPIO0) {
        clock_enable(MXC_F_GCR_PCLKDIS0_GPIO0);
    } else if (port == MXC_GPIO1) {
        clock_enable(MXC_F_GCR_PCLKDIS0_GPIO1);
    } else {
        MXC_LPGCR->pclkdis &= ~MXC_F_LPGCR_PCLKDIS_GPIO2;
    }
}

void gpio_configure(const mxc_gpio_cfg_t *pins)
{
    mxc_gpio_regs_t *port = pins->port;
    enable_port(port);
    port->padctrl0 &= ~pins->mask; /* no pull resistor: the only pad there is so far */
    port->padctrl1 &= ~pins->mask;
    port->en0_set = pins->mask; /* plain pin while the function changes */
    port->en1_clr = pins->mask;
    port->en2_clr = pins->mask;
    switch (pins->func) {
    case MXC_GPIO_FUNC_IN:
        port->outen_clr = pins->mask;
        port->inen |= pins->mask;
        break;
    case MXC_GPIO_FUNC_OUT:
        port->outen_set = pins->mask;
        break;
    case MXC_GPIO_FUNC_ALT1:
        port->en0_clr = pins->mask;
        break;
    case MXC_GPIO_FUNC_ALT2:
        port->en1_set = pins->mask;
        port->en0_clr = pins->mask;
        break;
    }
}

void gpio_set(const mxc_gpio_cfg_t *pins)
{
    pins->port->out_set = pins->mask;
}

void gpio_clear(const mxc_gpio_cfg_t *pins)
{
    pins->port->out_clr = pins->mask;
}

static const mxc_gpio_cfg_t button = {MXC_GPIO0, 1u << 2, MXC_GPIO_PAD_NONE, MXC_GPIO_FUNC_IN};

/* P0.2, to ground when pressed; the pull-up is ours. */
void gpio_init_button(void)
{
    gpio_configure(&button);
    button.port->vssel |= button.mask;
    button.port->padctrl0 |= button.mask;
    button.port->ps |= button.mask;
}

bool gpio_button_pressed(void)
{
    return !(button.port->in & button.mask);
}

/* P2.0 red, P2.1 green, P2.2 blue, supplied from VDDIOH. Taken as active low, as in the vendor's board files; Zephyr's
 * board file says active high, and no board was at hand to tell. */
void gpio_init_leds(void)
{
    const mxc_gpio_cfg_t pins = {MXC_GPIO2, (1u << LEDS) - 1u, MXC_GPIO_PAD_NONE, MXC_GPIO_FUNC_OUT};
    enable_port(pins.port);
    pins.port->vssel |= pins.mask;
    pins.port->out_set = pins.mask;
    gpio_configure(&pins);
}

void gpio_set_led(led_t led, bool lit)
{
    if (lit) {
        MXC_GPIO2->out_clr = 1u << led;
    } else {
        MXC_GPIO2->out_set = 1u << led;
    }
}
