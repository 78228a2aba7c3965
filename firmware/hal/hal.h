/* What the application sees of the hardware, one group per source file of this folder.
 *
 * The host tests implement the same functions (firmware/test/host.c). Functions that return bool give false when
 * the hardware does not get ready in time. */
#ifndef HAL_H
#define HAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "max78000.h"

typedef void (*handler_t)(void);

/* clock.c: 100 MHz system clock from IPO, 50 MHz peripheral clock; IBRO for the UART. */
bool clock_init(void);
bool clock_select(uint32_t hz);    /* of the system: IPO_HZ, or ISO_HZ, with which IPO is off */
uint32_t clock_pclk_hz(void);
void clock_enable(uint32_t peripherals);  /* GCR.PCLKDIS0 bits */
void clock_disable(uint32_t peripherals); /* GCR.PCLKDIS0 bits */
bool clock_reset(uint32_t peripherals);   /* GCR.RST0 bits */

/* icc.c: instruction cache. */
bool icc_init(void);

/* simo.c: supply of the accelerator. */
void simo_init(void);

/* cpu.c: interrupts and sleep. */
void cpu_set_vector(uint32_t interrupt, handler_t handler); /* and enable the interrupt */
void cpu_hold_interrupts(void);
void cpu_release_interrupts(void);
void cpu_wait_for_interrupt(void); /* sleep; a pending interrupt ends it even while held */

/* accelerator.c: what generated code does not offer. */
uint32_t accelerator_last_layer(void);           /* numbers from 0 */
void accelerator_set_last_layer(uint32_t layer); /* from the next start on, until the network is set up afresh */
bool accelerator_has_words(uint32_t address, uint32_t count); /* of data memory, in one quadrant with power */
void accelerator_retain(void); /* power off, but for the mask memory; cnn_enable() ends it */

/* power.c: sleep with the wake-up timer, which counts ERTCO_HZ in every mode. */
void power_init(void);  /* starts its oscillator, which may take a second */
bool power_ready(void); /* it runs */
void power_sleep(uint32_t mode, uint32_t counts); /* PM_LPM, PM_UPM or PM_STANDBY; timer_ticks() goes on by as much */

/* gpio.c: pins, by the structure that generated code fills in. */
typedef enum { MXC_GPIO_PAD_NONE } mxc_gpio_pad_t;
typedef enum { MXC_GPIO_FUNC_IN, MXC_GPIO_FUNC_OUT, MXC_GPIO_FUNC_ALT1, MXC_GPIO_FUNC_ALT2 } mxc_gpio_func_t;
typedef struct {
    mxc_gpio_regs_t *port;
    uint32_t mask;
    mxc_gpio_pad_t pad;
    mxc_gpio_func_t func;
} mxc_gpio_cfg_t;
void gpio_init_button(void);
bool gpio_button_pressed(void); /* SW1 */
typedef enum { LED_RED, LED_GREEN, LED_BLUE, LEDS } led_t;

void gpio_configure(const mxc_gpio_cfg_t *pins);
void gpio_set(const mxc_gpio_cfg_t *pins);
void gpio_clear(const mxc_gpio_cfg_t *pins);
void gpio_init_leds(void); /* all dark */
void gpio_set_led(led_t led, bool lit);

/* uart.c: UART0, the console of the board's USB port; 8N1, no flow control. Received by interrupt. */
bool uart_init(uint32_t baud_rate);
uint32_t uart_nearest_rate(uint32_t baud_rate); /* 0: out of reach */
bool uart_set_rate(uint32_t baud_rate);
size_t uart_read(uint8_t *data, size_t room); /* what has arrived, possibly nothing; never waits */
bool uart_has_data(void);
void uart_listen(bool on); /* else what comes stays in the FIFO, as far as it fits */
/* Let an interrupt wait for so many bytes, if they fit; 1 at first. Interrupts must be held. */
void uart_expect(size_t bytes);
void uart_write(const uint8_t *data, size_t length); /* waits for room in the FIFO, not for the line */
void uart_drain(void);                               /* until the last bit has left */

/* i2c.c: I2C1, as master. */
#define I2C_RATE_HZ 400000u
bool i2c_init(void); /* at I2C_RATE_HZ; false when something holds the bus */
void i2c_set_rate(uint32_t hz);
bool i2c_write(uint8_t address, const uint8_t *data, size_t count); /* at most 7 bytes; false: not acknowledged */
bool i2c_read(uint8_t address, uint8_t *data, size_t count);        /* at most 8 bytes */
/* The same from register `number` on, which a repeated start separates. */
bool i2c_read_register(uint8_t address, uint8_t number, uint8_t *data, size_t count);

/* sccb.c: the camera's two-wire bus. False: not acknowledged. */
void sccb_init(void);
bool sccb_write(uint8_t address, uint8_t number, uint8_t value);
bool sccb_read(uint8_t address, uint8_t number, uint8_t *value);

/* xclk.c: the camera's clock. */
bool xclk_start(void); /* for the camera to start up, some 0.1 s, at whose end it stops by itself */
bool xclk_runs(void);
void xclk_run_on(void); /* until xclk_stop() */
void xclk_stop(void);

/* capture.c: pictures of the camera, 16 bits a pixel, one after another; an interrupt tells of each. */
#define CAPTURE_ROWS 96u
#define CAPTURE_BYTES (2u * CAPTURE_ROWS * CAPTURE_ROWS)
typedef struct {
    uint32_t frames;     /* that ended since the start, whatever became of them */
    uint32_t broken;     /* of these: that did not arrive whole */
    bool overflowed;     /* the last of the broken: lost words in the FIFO; else it was short */
    uint32_t good_ticks; /* timer_ticks() when the last whole one ended, or the start was */
    uint32_t number;     /* the `frames` at the end of the complete one */
    uint32_t ticks;      /* that one took, from the end of the one before */
} capture_state_t;
bool capture_start(void);
void capture_stop(void);
bool capture_is_complete(void); /* one waits to be taken */
/* The last complete picture, until released; NULL when there is none since. What comes meanwhile goes elsewhere. */
const uint8_t *capture_take(capture_state_t *at);
void capture_release(void);
capture_state_t capture_state(void);

/* light.c: the RGB LED by pulses, a hundred a second. */
void light_show(uint32_t leds, uint32_t percent); /* a bit for each led_t; 0 percent is dark */

/* supervisor.c: resets and what led to them. Call init first of all; feed at least once in two seconds. */
typedef enum {
    START_POWER_ON, /* or the reset button */
    START_REQUEST,  /* by supervisor_restart() */
    START_FAULT,
    START_WATCHDOG,
    START_STACK, /* its guard was overwritten */
} start_cause_t;
typedef struct {
    start_cause_t cause;
    uint32_t pc; /* where it was; 0 unless the cause is a fault or the watchdog */
    uint32_t lr;
    uint32_t cfsr; /* the rest only after a fault */
    uint32_t hfsr;
    uint32_t address;
} start_record_t;
void supervisor_init(void);
void watchdog_feed(void);
start_record_t supervisor_last_start(void); /* why this run began */
uint32_t supervisor_stack_used(void);       /* bytes, at most so far */
void supervisor_check_stack(void);          /* resets when it has run over */
void supervisor_restart(start_cause_t cause) __attribute__((noreturn));
void fault_handler(void);

/* timer.c: TMR0 counts ticks of 20 ns (clock_select() can change that) for ever; TMR1 is the alarm that ends a sleep. */
#define TIMER_HZ (IPO_HZ / PCLK_DIVIDER)
#define TIMER_TICKS_PER_US (TIMER_HZ / 1000000u)
bool timer_init(void);
uint32_t timer_ticks(void);            /* wraps after 85 s: use differences */
uint64_t timer_now(void);              /* ticks, never wraps; to be called at least once in 85 s */
void timer_wait(uint32_t ticks);       /* awake */
void timer_set(uint32_t ticks);        /* go on from here */
void timer_start_stopwatch(void);
uint32_t timer_stop_stopwatch(void);   /* microseconds, rounded down */
uint32_t timer_stopwatch_ticks(void);  /* of the last stop */
void timer_set_alarm(uint32_t ticks);
void timer_cancel_alarm(void);
void timer_call(uint32_t ticks, handler_t handler); /* from TMR2's interrupt, once */
bool timer_alarm_expired(void);        /* also: cancelled, or never set; so that nobody sleeps for it */

#endif
