/* What generated code and main.c take from the vendor's SDK: its names and calling conventions, written anew after the user guide. */
#ifndef MXC_H
#define MXC_H

#include <stdint.h>

#define REG(address) (*(volatile uint32_t *)(address))

typedef struct {
    volatile uint32_t rsv0, rst0, clkctrl, pm, rsv10, rsv14, pclkdiv, rsv1c, rsv20, pclkdis0, memctrl;
} mxc_gcr_regs_t;
typedef struct {
    volatile uint32_t reg0, reg1, reg2, reg3;
} mxc_gcfr_regs_t;
typedef struct {
    volatile uint32_t cnt, cmp, pwm, intfl, ctrl0, nolcmp, ctrl1, wkfl;
} mxc_tmr_regs_t;

#define MXC_GCR ((mxc_gcr_regs_t *)0x40000000)
#define MXC_GCFR ((mxc_gcfr_regs_t *)0x40005800)
#define MXC_TMR0 ((mxc_tmr_regs_t *)0x40010000)

#define MXC_F_GCR_PCLKDIV_CNNCLKDIV (7u << 14)
#define MXC_F_GCR_PCLKDIV_CNNCLKSEL (1u << 17)
#define MXC_S_GCR_PCLKDIV_CNNCLKDIV_DIV1 (4u << 14)
#define MXC_S_GCR_PCLKDIV_CNNCLKSEL_PCLK 0u
#define MXC_SYS_PERIPH_CLOCK_CNN (1u << 25)
#define CNN_IRQn 101

#define MXC_SYS_ClockEnable(clock) (MXC_GCR->pclkdis0 &= ~(clock))
#define MXC_SYS_ClockDisable(clock) (MXC_GCR->pclkdis0 |= (clock))

#define E_NO_ERROR 0
#define E_TIME_OUT -1

typedef struct mxc_icc_regs mxc_icc_regs_t;
#define MXC_ICC0 ((mxc_icc_regs_t *)0x4002A000)
#define MXC_SYS_CLOCK_IPO 4

void MXC_ICC_Enable(mxc_icc_regs_t *icc);
int MXC_SYS_Clock_Select(int clock);
void SystemCoreClockUpdate(void);
void MXC_Delay(uint32_t microseconds);
void MXC_LP_EnterSleepMode(void);
void LED_On(unsigned int number);
void MXC_NVIC_SetVector(int irq, void (*handler)(void));
void MXC_TMR_SW_Start(mxc_tmr_regs_t *timer);
unsigned int MXC_TMR_SW_Stop(mxc_tmr_regs_t *timer);

#endif
