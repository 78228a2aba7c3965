/* The names generated cnn.c and cnn.h use, in terms of our own HAL (no code of the vendor's SDK is needed). */
#ifndef MXC_H
#define MXC_H

#include "hal.h"

#define CNN_IRQn CNN_IRQ

#define MXC_S_GCR_PCLKDIV_CNNCLKSEL_PCLK (0u << MXC_F_GCR_PCLKDIV_CNNCLKSEL_POS)
#define MXC_S_GCR_PCLKDIV_CNNCLKSEL_ISO (1u << MXC_F_GCR_PCLKDIV_CNNCLKSEL_POS)
#define MXC_S_GCR_PCLKDIV_CNNCLKDIV_DIV2 (0u << MXC_F_GCR_PCLKDIV_CNNCLKDIV_POS)
#define MXC_S_GCR_PCLKDIV_CNNCLKDIV_DIV4 (1u << MXC_F_GCR_PCLKDIV_CNNCLKDIV_POS)
#define MXC_S_GCR_PCLKDIV_CNNCLKDIV_DIV8 (2u << MXC_F_GCR_PCLKDIV_CNNCLKDIV_POS)
#define MXC_S_GCR_PCLKDIV_CNNCLKDIV_DIV16 (3u << MXC_F_GCR_PCLKDIV_CNNCLKDIV_POS)
#define MXC_S_GCR_PCLKDIV_CNNCLKDIV_DIV1 (CNNCLKDIV_DIV1 << MXC_F_GCR_PCLKDIV_CNNCLKDIV_POS)

#define MXC_SYS_PERIPH_CLOCK_CNN MXC_F_GCR_PCLKDIS0_CNN
#define MXC_SYS_ClockEnable(peripheral) clock_enable(peripheral)
#define MXC_SYS_ClockDisable(peripheral) clock_disable(peripheral)
#define MXC_NVIC_SetVector(interrupt, handler) cpu_set_vector(interrupt, handler)
#define NVIC_SetVector(interrupt, handler) cpu_set_vector(interrupt, handler) /* as generators of 2021 call it */

#define MXC_GPIO_PIN_0 (1u << 0)
#define MXC_GPIO_PIN_1 (1u << 1)
#define MXC_GPIO_Config(pins) gpio_configure(pins)
#define MXC_GPIO_OutSet(gpio, pins) ((gpio)->out_set = (pins))
#define MXC_GPIO_OutClr(gpio, pins) ((gpio)->out_clr = (pins))
#define LED_On(led) gpio_set_led(led, true)
#define LED_Off(led) gpio_set_led(led, false)

/* There is one stopwatch; it needs no timer to itself. */
#define MXC_TMR_SW_Start(timer) ((void)(timer), timer_start_stopwatch())
#define MXC_TMR_SW_Stop(timer) ((void)(timer), timer_stop_stopwatch())

#endif
