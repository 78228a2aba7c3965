/* Written by `make generate` from fer_edge/registers.py; do not edit. */
#ifndef MAX78000_H
#define MAX78000_H

#include <stddef.h>
#include <stdint.h>

#define FLASH_BASE 0x10000000u
#define FLASH_SIZE 0x00080000u
#define FLASH_PAGE 0x00002000u
#define SRAM_BASE 0x20000000u
#define SRAM_SIZE 0x00020000u
#define IPO_HZ 100000000u
#define ISO_HZ 60000000u
#define IBRO_HZ 0x00708000u
#define ERTCO_HZ 0x00008000u
#define INRO_HZ 8000u
#define PCLK_DIVIDER 2u
#define EXTERNAL_INTERRUPTS 104u
#define CNN_IRQ 101u
#define UART0_IRQ 14u
#define TMR0_IRQ 5u
#define WDT0_IRQ 1u
#define GPIO0_IRQ 24u
#define RTC_IRQ 3u
#define TRNG_IRQ 4u
#define DMA0_IRQ 28u
#define WUT_IRQ 53u
#define GPIOWAKE_IRQ 54u
#define PCIF_IRQ 91u
#define CNN_HZ 50000000u
#define CNN_CONTROL 0x50100000u
#define CNN_DATA 0x50400000u
#define QUADRANT_STRIDE 0x00400000u
#define INSTANCES_PER_QUADRANT 4u
#define DATA_INSTANCE_BYTES 0x00008000u
#define SYSCLK_ISO 0u
#define SYSCLK_IPO 4u
#define CNNCLKDIV_DIV1 4u
#define UART_FIFO_DEPTH 8u
#define UART_BCLKSRC_PCLK 0u
#define UART_BCLKSRC_IBRO 2u
#define I2C_FIFO_DEPTH 8u
#define WDT_FEED0 165u
#define WDT_FEED1 90u
#define WDT_LONGEST 31u
#define PM_STANDBY 2u
#define PM_LPM 8u
#define PM_UPM 9u
#define DMA_PCIF_RX 13u
#define PT_PATTERN_32 0u
#define PT_SQUARE_WAVE 1u
#define PCIF_OFF 0u
#define PCIF_SINGLE 1u
#define PCIF_CONTINUOUS 2u

typedef struct {
    volatile uint32_t ctl;
    volatile uint32_t sram;
    volatile uint32_t lcnt_max;
    volatile uint32_t sram_test;
} mxc_cnn_regs_t;
_Static_assert(offsetof(mxc_cnn_regs_t, ctl) == 0x0, "");
_Static_assert(offsetof(mxc_cnn_regs_t, sram) == 0x4, "");
_Static_assert(offsetof(mxc_cnn_regs_t, lcnt_max) == 0x8, "");
_Static_assert(offsetof(mxc_cnn_regs_t, sram_test) == 0xc, "");
#define MXC_CNN0 ((mxc_cnn_regs_t *)0x50100000u)
#define MXC_CNN1 ((mxc_cnn_regs_t *)0x50500000u)
#define MXC_CNN2 ((mxc_cnn_regs_t *)0x50900000u)
#define MXC_CNN3 ((mxc_cnn_regs_t *)0x50d00000u)
#define MXC_F_CNN_CTL_CNN_EN_POS 0
#define MXC_F_CNN_CTL_CNN_EN 1u
#define MXC_F_CNN_CTL_RDY_SEL_POS 1
#define MXC_F_CNN_CTL_RDY_SEL 6u
#define MXC_F_CNN_CTL_CLK_EN_POS 3
#define MXC_F_CNN_CTL_CLK_EN 8u
#define MXC_F_CNN_CTL_ONESHOT_POS 8
#define MXC_F_CNN_CTL_ONESHOT 0x00000100u
#define MXC_F_CNN_CTL_MASTER_POS 9
#define MXC_F_CNN_CTL_MASTER 0x00000600u
#define MXC_F_CNN_CTL_EXT_SYNC_POS 11
#define MXC_F_CNN_CTL_EXT_SYNC 0x00000800u
#define MXC_F_CNN_CTL_CNN_IRQ_POS 12
#define MXC_F_CNN_CTL_CNN_IRQ 0x00001000u
#define MXC_F_CNN_CTL_POOL_RND_POS 13
#define MXC_F_CNN_CTL_POOL_RND 0x00002000u
#define MXC_F_CNN_CTL_STREAM_EN_POS 14
#define MXC_F_CNN_CTL_STREAM_EN 0x00004000u
#define MXC_F_CNN_CTL_FIFO_EN_POS 15
#define MXC_F_CNN_CTL_FIFO_EN 0x00008000u
#define MXC_F_CNN_CTL_MLAT_LD_POS 16
#define MXC_F_CNN_CTL_MLAT_LD 0x00010000u
#define MXC_F_CNN_CTL_MLAT_SEL_POS 17
#define MXC_F_CNN_CTL_MLAT_SEL 0x00060000u
#define MXC_F_CNN_CTL_MEXPRESS_POS 20
#define MXC_F_CNN_CTL_MEXPRESS 0x00100000u
#define MXC_F_CNN_CTL_SIMPLE1B_POS 21
#define MXC_F_CNN_CTL_SIMPLE1B 0x00200000u
#define MXC_F_CNN_SRAM_SRAM_POS 0
#define MXC_F_CNN_SRAM_SRAM 0xffffffffu
#define MXC_F_CNN_LCNT_MAX_LCNT_POS 0
#define MXC_F_CNN_LCNT_MAX_LCNT 31u
#define MXC_F_CNN_LAYER_RCNT_ROWS_POS 0
#define MXC_F_CNN_LAYER_RCNT_ROWS 0x000003ffu
#define MXC_F_CNN_LAYER_RCNT_PAD_POS 16
#define MXC_F_CNN_LAYER_RCNT_PAD 0x00030000u
#define MXC_F_CNN_LAYER_CCNT_COLS_POS 0
#define MXC_F_CNN_LAYER_CCNT_COLS 0x000003ffu
#define MXC_F_CNN_LAYER_CCNT_PAD_POS 16
#define MXC_F_CNN_LAYER_CCNT_PAD 0x00030000u
#define MXC_F_CNN_LAYER_ONED_TSCNT_MAX_POS 0
#define MXC_F_CNN_LAYER_ONED_TSCNT_MAX 15u
#define MXC_F_CNN_LAYER_ONED_OCHAN_START_POS 4
#define MXC_F_CNN_LAYER_ONED_OCHAN_START 240u
#define MXC_F_CNN_LAYER_ONED_ONED_WIDTH_POS 8
#define MXC_F_CNN_LAYER_ONED_ONED_WIDTH 0x00000f00u
#define MXC_F_CNN_LAYER_ONED_ONED_EN_POS 12
#define MXC_F_CNN_LAYER_ONED_ONED_EN 0x00001000u
#define MXC_F_CNN_LAYER_ONED_ELTWISE_EN_POS 13
#define MXC_F_CNN_LAYER_ONED_ELTWISE_EN 0x00002000u
#define MXC_F_CNN_LAYER_ONED_ELTWISE_FN_POS 14
#define MXC_F_CNN_LAYER_ONED_ELTWISE_FN 0x0000c000u
#define MXC_F_CNN_LAYER_ONED_POOL_FIRST_POS 16
#define MXC_F_CNN_LAYER_ONED_POOL_FIRST 0x00010000u
#define MXC_F_CNN_LAYER_ONED_ELTWISE_CONV_POS 17
#define MXC_F_CNN_LAYER_ONED_ELTWISE_CONV 0x00020000u
#define MXC_F_CNN_LAYER_ONED_OPERANDS_POS 18
#define MXC_F_CNN_LAYER_ONED_OPERANDS 0x003c0000u
#define MXC_F_CNN_LAYER_PRCNT_POOL_ROWS_POS 0
#define MXC_F_CNN_LAYER_PRCNT_POOL_ROWS 15u
#define MXC_F_CNN_LAYER_PCCNT_POOL_COLS_POS 0
#define MXC_F_CNN_LAYER_PCCNT_POOL_COLS 15u
#define MXC_F_CNN_LAYER_STRIDE_STRIDE_POS 0
#define MXC_F_CNN_LAYER_STRIDE_STRIDE 15u
#define MXC_F_CNN_LAYER_WPTR_BASE_OFFSET_POS 0
#define MXC_F_CNN_LAYER_WPTR_BASE_OFFSET 0x00001fffu
#define MXC_F_CNN_LAYER_WPTR_BASE_INSTANCE_POS 13
#define MXC_F_CNN_LAYER_WPTR_BASE_INSTANCE 0x0001e000u
#define MXC_F_CNN_LAYER_WPTR_TOFFS_OFFSET_POS 0
#define MXC_F_CNN_LAYER_WPTR_TOFFS_OFFSET 0xffffffffu
#define MXC_F_CNN_LAYER_WPTR_MOFFS_OFFSET_POS 0
#define MXC_F_CNN_LAYER_WPTR_MOFFS_OFFSET 0xffffffffu
#define MXC_F_CNN_LAYER_WPTR_CHOFFS_OFFSET_POS 0
#define MXC_F_CNN_LAYER_WPTR_CHOFFS_OFFSET 0xffffffffu
#define MXC_F_CNN_LAYER_RPTR_BASE_OFFSET_POS 0
#define MXC_F_CNN_LAYER_RPTR_BASE_OFFSET 0xffffffffu
#define MXC_F_CNN_LAYER_LCTL_MASTER_POS 5
#define MXC_F_CNN_LAYER_LCTL_MASTER 32u
#define MXC_F_CNN_LAYER_LCTL_CHW_POS 6
#define MXC_F_CNN_LAYER_LCTL_CHW 64u
#define MXC_F_CNN_LAYER_LCTL_POOL_EN_POS 7
#define MXC_F_CNN_LAYER_LCTL_POOL_EN 128u
#define MXC_F_CNN_LAYER_LCTL_MAXPOOL_POS 8
#define MXC_F_CNN_LAYER_LCTL_MAXPOOL 0x00000100u
#define MXC_F_CNN_LAYER_LCTL_RELU_POS 9
#define MXC_F_CNN_LAYER_LCTL_RELU 0x00000200u
#define MXC_F_CNN_LAYER_LCTL_CPAD_ONLY_POS 10
#define MXC_F_CNN_LAYER_LCTL_CPAD_ONLY 0x00000400u
#define MXC_F_CNN_LAYER_LCTL_SRAMLSRC_POS 11
#define MXC_F_CNN_LAYER_LCTL_SRAMLSRC 0x00000800u
#define MXC_F_CNN_LAYER_LCTL_QUADRANTS_POS 12
#define MXC_F_CNN_LAYER_LCTL_QUADRANTS 0x0000f000u
#define MXC_F_CNN_LAYER_LCTL_WIDE_POS 16
#define MXC_F_CNN_LAYER_LCTL_WIDE 0x00010000u
#define MXC_F_CNN_LAYER_MCNT_LAST_POS 0
#define MXC_F_CNN_LAYER_MCNT_LAST 0x0000ffffu
#define MXC_F_CNN_LAYER_MCNT_FIRST_POS 16
#define MXC_F_CNN_LAYER_MCNT_FIRST 0xffff0000u
#define MXC_F_CNN_LAYER_TPTR_MAX_POS 0
#define MXC_F_CNN_LAYER_TPTR_MAX 0x00000fffu
#define MXC_F_CNN_LAYER_TPTR_FLATTEN_POS 16
#define MXC_F_CNN_LAYER_TPTR_FLATTEN 0xffff0000u
#define MXC_F_CNN_LAYER_ENA_PROCESSORS_POS 0
#define MXC_F_CNN_LAYER_ENA_PROCESSORS 0x0000ffffu
#define MXC_F_CNN_LAYER_ENA_MASKS_POS 16
#define MXC_F_CNN_LAYER_ENA_MASKS 0xffff0000u
#define MXC_F_CNN_LAYER_POST_BIAS_ADDR_POS 0
#define MXC_F_CNN_LAYER_POST_BIAS_ADDR 0x00000fffu
#define MXC_F_CNN_LAYER_POST_BIAS_EN_POS 12
#define MXC_F_CNN_LAYER_POST_BIAS_EN 0x00001000u
#define MXC_F_CNN_LAYER_POST_SHIFT_POS 13
#define MXC_F_CNN_LAYER_POST_SHIFT 0x0001e000u
#define MXC_F_CNN_LAYER_POST_SHIFT_RIGHT_POS 17
#define MXC_F_CNN_LAYER_POST_SHIFT_RIGHT 0x00020000u
#define MXC_F_CNN_LAYER_POST_FLATTEN_HIGH_POS 18
#define MXC_F_CNN_LAYER_POST_FLATTEN_HIGH 0x003c0000u
#define MXC_F_CNN_LAYER_POST_WEIGHT_BITS_POS 22
#define MXC_F_CNN_LAYER_POST_WEIGHT_BITS 0x00c00000u
#define MXC_F_CNN_LAYER_POST_PASS_POS 24
#define MXC_F_CNN_LAYER_POST_PASS 0x01000000u
#define MXC_F_CNN_LAYER_POST_PASS_ONE_POS 25
#define MXC_F_CNN_LAYER_POST_PASS_ONE 0x02000000u
#define MXC_F_CNN_LAYER_POST_ABS_POS 26
#define MXC_F_CNN_LAYER_POST_ABS 0x04000000u
#define MXC_F_CNN_LAYER_POST_FLATTEN_POS 27
#define MXC_F_CNN_LAYER_POST_FLATTEN 0x08000000u
#define MXC_F_CNN_LAYER_POST_DECONV_EN_POS 28
#define MXC_F_CNN_LAYER_POST_DECONV_EN 0x10000000u
#define MXC_F_CNN_LAYER_POST_CALCX4_POS 29
#define MXC_F_CNN_LAYER_POST_CALCX4 0x20000000u
#define MXC_F_CNN_LAYER_POST_DEPTHWISE_POS 30
#define MXC_F_CNN_LAYER_POST_DEPTHWISE 0x40000000u
#define MXC_F_CNN_LAYER_POST_TCALC_POS 31
#define MXC_F_CNN_LAYER_POST_TCALC 0x80000000u
#define MXC_F_CNN_LAYER_LCTL2_PASSES_POS 0
#define MXC_F_CNN_LAYER_LCTL2_PASSES 15u
#define MXC_F_CNN_LAYER_LCTL2_WRITE_GAP_POS 4
#define MXC_F_CNN_LAYER_LCTL2_WRITE_GAP 240u
#define MXC_F_CNN_LAYER_LCTL2_OCHAN_END_POS 8
#define MXC_F_CNN_LAYER_LCTL2_OCHAN_END 0xffffff00u

typedef struct {
    uint32_t reserved0[1];
    volatile uint32_t rst0;
    volatile uint32_t clkctrl;
    volatile uint32_t pm;
    uint32_t reserved1[2];
    volatile uint32_t pclkdiv;
    uint32_t reserved2[2];
    volatile uint32_t pclkdis0;
    volatile uint32_t memctrl;
    volatile uint32_t memz;
    uint32_t reserved3[5];
    volatile uint32_t rst1;
    volatile uint32_t pclkdis1;
    uint32_t reserved4[1];
    volatile uint32_t revision;
} mxc_gcr_regs_t;
_Static_assert(offsetof(mxc_gcr_regs_t, rst0) == 0x4, "");
_Static_assert(offsetof(mxc_gcr_regs_t, clkctrl) == 0x8, "");
_Static_assert(offsetof(mxc_gcr_regs_t, pm) == 0xc, "");
_Static_assert(offsetof(mxc_gcr_regs_t, pclkdiv) == 0x18, "");
_Static_assert(offsetof(mxc_gcr_regs_t, pclkdis0) == 0x24, "");
_Static_assert(offsetof(mxc_gcr_regs_t, memctrl) == 0x28, "");
_Static_assert(offsetof(mxc_gcr_regs_t, memz) == 0x2c, "");
_Static_assert(offsetof(mxc_gcr_regs_t, rst1) == 0x44, "");
_Static_assert(offsetof(mxc_gcr_regs_t, pclkdis1) == 0x48, "");
_Static_assert(offsetof(mxc_gcr_regs_t, revision) == 0x50, "");
#define MXC_GCR ((mxc_gcr_regs_t *)0x40000000u)
#define MXC_F_GCR_RST0_DMA_POS 0
#define MXC_F_GCR_RST0_DMA 1u
#define MXC_F_GCR_RST0_WDT0_POS 1
#define MXC_F_GCR_RST0_WDT0 2u
#define MXC_F_GCR_RST0_GPIO0_POS 2
#define MXC_F_GCR_RST0_GPIO0 4u
#define MXC_F_GCR_RST0_GPIO1_POS 3
#define MXC_F_GCR_RST0_GPIO1 8u
#define MXC_F_GCR_RST0_TMR0_POS 5
#define MXC_F_GCR_RST0_TMR0 32u
#define MXC_F_GCR_RST0_TMR1_POS 6
#define MXC_F_GCR_RST0_TMR1 64u
#define MXC_F_GCR_RST0_TMR2_POS 7
#define MXC_F_GCR_RST0_TMR2 128u
#define MXC_F_GCR_RST0_TMR3_POS 8
#define MXC_F_GCR_RST0_TMR3 0x00000100u
#define MXC_F_GCR_RST0_UART0_POS 11
#define MXC_F_GCR_RST0_UART0 0x00000800u
#define MXC_F_GCR_RST0_UART1_POS 12
#define MXC_F_GCR_RST0_UART1 0x00001000u
#define MXC_F_GCR_RST0_I2C0_POS 16
#define MXC_F_GCR_RST0_I2C0 0x00010000u
#define MXC_F_GCR_RST0_RTC_POS 17
#define MXC_F_GCR_RST0_RTC 0x00020000u
#define MXC_F_GCR_RST0_CNN_POS 25
#define MXC_F_GCR_RST0_CNN 0x02000000u
#define MXC_F_GCR_RST0_SOFT_POS 29
#define MXC_F_GCR_RST0_SOFT 0x20000000u
#define MXC_F_GCR_RST0_PERIPH_POS 30
#define MXC_F_GCR_RST0_PERIPH 0x40000000u
#define MXC_F_GCR_RST0_SYS_POS 31
#define MXC_F_GCR_RST0_SYS 0x80000000u
#define MXC_F_GCR_CLKCTRL_SYSCLK_DIV_POS 6
#define MXC_F_GCR_CLKCTRL_SYSCLK_DIV 0x000001c0u
#define MXC_F_GCR_CLKCTRL_SYSCLK_SEL_POS 9
#define MXC_F_GCR_CLKCTRL_SYSCLK_SEL 0x00000e00u
#define MXC_F_GCR_CLKCTRL_SYSCLK_RDY_POS 13
#define MXC_F_GCR_CLKCTRL_SYSCLK_RDY 0x00002000u
#define MXC_F_GCR_CLKCTRL_ERTCO_EN_POS 17
#define MXC_F_GCR_CLKCTRL_ERTCO_EN 0x00020000u
#define MXC_F_GCR_CLKCTRL_ISO_EN_POS 18
#define MXC_F_GCR_CLKCTRL_ISO_EN 0x00040000u
#define MXC_F_GCR_CLKCTRL_IPO_EN_POS 19
#define MXC_F_GCR_CLKCTRL_IPO_EN 0x00080000u
#define MXC_F_GCR_CLKCTRL_IBRO_EN_POS 20
#define MXC_F_GCR_CLKCTRL_IBRO_EN 0x00100000u
#define MXC_F_GCR_CLKCTRL_ERTCO_RDY_POS 25
#define MXC_F_GCR_CLKCTRL_ERTCO_RDY 0x02000000u
#define MXC_F_GCR_CLKCTRL_ISO_RDY_POS 26
#define MXC_F_GCR_CLKCTRL_ISO_RDY 0x04000000u
#define MXC_F_GCR_CLKCTRL_IPO_RDY_POS 27
#define MXC_F_GCR_CLKCTRL_IPO_RDY 0x08000000u
#define MXC_F_GCR_CLKCTRL_IBRO_RDY_POS 28
#define MXC_F_GCR_CLKCTRL_IBRO_RDY 0x10000000u
#define MXC_F_GCR_CLKCTRL_INRO_RDY_POS 29
#define MXC_F_GCR_CLKCTRL_INRO_RDY 0x20000000u
#define MXC_F_GCR_PM_MODE_POS 0
#define MXC_F_GCR_PM_MODE 15u
#define MXC_F_GCR_PM_GPIO_WE_POS 4
#define MXC_F_GCR_PM_GPIO_WE 16u
#define MXC_F_GCR_PM_RTC_WE_POS 5
#define MXC_F_GCR_PM_RTC_WE 32u
#define MXC_F_GCR_PM_WUT_WE_POS 7
#define MXC_F_GCR_PM_WUT_WE 128u
#define MXC_F_GCR_PCLKDIV_ADCFRQ_POS 10
#define MXC_F_GCR_PCLKDIV_ADCFRQ 0x00001c00u
#define MXC_F_GCR_PCLKDIV_CNNCLKDIV_POS 14
#define MXC_F_GCR_PCLKDIV_CNNCLKDIV 0x0001c000u
#define MXC_F_GCR_PCLKDIV_CNNCLKSEL_POS 17
#define MXC_F_GCR_PCLKDIV_CNNCLKSEL 0x00020000u
#define MXC_F_GCR_PCLKDIS0_GPIO0_POS 0
#define MXC_F_GCR_PCLKDIS0_GPIO0 1u
#define MXC_F_GCR_PCLKDIS0_GPIO1_POS 1
#define MXC_F_GCR_PCLKDIS0_GPIO1 2u
#define MXC_F_GCR_PCLKDIS0_DMA_POS 5
#define MXC_F_GCR_PCLKDIS0_DMA 32u
#define MXC_F_GCR_PCLKDIS0_UART0_POS 9
#define MXC_F_GCR_PCLKDIS0_UART0 0x00000200u
#define MXC_F_GCR_PCLKDIS0_UART1_POS 10
#define MXC_F_GCR_PCLKDIS0_UART1 0x00000400u
#define MXC_F_GCR_PCLKDIS0_I2C0_POS 13
#define MXC_F_GCR_PCLKDIS0_I2C0 0x00002000u
#define MXC_F_GCR_PCLKDIS0_TMR0_POS 15
#define MXC_F_GCR_PCLKDIS0_TMR0 0x00008000u
#define MXC_F_GCR_PCLKDIS0_TMR1_POS 16
#define MXC_F_GCR_PCLKDIS0_TMR1 0x00010000u
#define MXC_F_GCR_PCLKDIS0_TMR2_POS 17
#define MXC_F_GCR_PCLKDIS0_TMR2 0x00020000u
#define MXC_F_GCR_PCLKDIS0_TMR3_POS 18
#define MXC_F_GCR_PCLKDIS0_TMR3 0x00040000u
#define MXC_F_GCR_PCLKDIS0_ADC_POS 23
#define MXC_F_GCR_PCLKDIS0_ADC 0x00800000u
#define MXC_F_GCR_PCLKDIS0_CNN_POS 25
#define MXC_F_GCR_PCLKDIS0_CNN 0x02000000u
#define MXC_F_GCR_PCLKDIS0_I2C1_POS 28
#define MXC_F_GCR_PCLKDIS0_I2C1 0x10000000u
#define MXC_F_GCR_PCLKDIS0_PT_POS 29
#define MXC_F_GCR_PCLKDIS0_PT 0x20000000u
#define MXC_F_GCR_MEMCTRL_FWS_POS 0
#define MXC_F_GCR_MEMCTRL_FWS 7u
#define MXC_F_GCR_RST1_I2C1_POS 0
#define MXC_F_GCR_RST1_I2C1 1u
#define MXC_F_GCR_RST1_PT_POS 1
#define MXC_F_GCR_RST1_PT 2u
#define MXC_F_GCR_PCLKDIS1_PCIF_POS 18
#define MXC_F_GCR_PCLKDIS1_PCIF 0x00040000u
#define MXC_F_GCR_PCLKDIS1_I2C2_POS 24
#define MXC_F_GCR_PCLKDIS1_I2C2 0x01000000u
#define MXC_F_GCR_PCLKDIS1_WDT0_POS 27
#define MXC_F_GCR_PCLKDIS1_WDT0 0x08000000u
#define MXC_F_GCR_REVISION_REVISION_POS 0
#define MXC_F_GCR_REVISION_REVISION 0x0000ffffu

typedef struct {
    uint32_t reserved0[2];
    volatile uint32_t rst;
    volatile uint32_t pclkdis;
} mxc_lpgcr_regs_t;
_Static_assert(offsetof(mxc_lpgcr_regs_t, rst) == 0x8, "");
_Static_assert(offsetof(mxc_lpgcr_regs_t, pclkdis) == 0xc, "");
#define MXC_LPGCR ((mxc_lpgcr_regs_t *)0x40080000u)
#define MXC_F_LPGCR_RST_GPIO2_POS 0
#define MXC_F_LPGCR_RST_GPIO2 1u
#define MXC_F_LPGCR_PCLKDIS_GPIO2_POS 0
#define MXC_F_LPGCR_PCLKDIS_GPIO2 1u

typedef struct {
    uint32_t reserved0[3];
    volatile uint32_t vrego_c;
} mxc_simo_regs_t;
_Static_assert(offsetof(mxc_simo_regs_t, vrego_c) == 0xc, "");
#define MXC_SIMO ((mxc_simo_regs_t *)0x40004400u)

typedef struct {
    volatile uint32_t reg0;
    volatile uint32_t reg1;
    volatile uint32_t reg2;
    volatile uint32_t reg3;
} mxc_gcfr_regs_t;
_Static_assert(offsetof(mxc_gcfr_regs_t, reg0) == 0x0, "");
_Static_assert(offsetof(mxc_gcfr_regs_t, reg1) == 0x4, "");
_Static_assert(offsetof(mxc_gcfr_regs_t, reg2) == 0x8, "");
_Static_assert(offsetof(mxc_gcfr_regs_t, reg3) == 0xc, "");
#define MXC_GCFR ((mxc_gcfr_regs_t *)0x40005800u)

typedef struct {
    uint32_t reserved0[64];
    volatile uint32_t ctrl;
    uint32_t reserved1[383];
    volatile uint32_t invalidate;
} mxc_icc_regs_t;
_Static_assert(offsetof(mxc_icc_regs_t, ctrl) == 0x100, "");
_Static_assert(offsetof(mxc_icc_regs_t, invalidate) == 0x700, "");
#define MXC_ICC ((mxc_icc_regs_t *)0x4002a000u)
#define MXC_F_ICC_CTRL_EN_POS 0
#define MXC_F_ICC_CTRL_EN 1u
#define MXC_F_ICC_CTRL_RDY_POS 16
#define MXC_F_ICC_CTRL_RDY 0x00010000u

typedef struct {
    volatile uint32_t en0;
    volatile uint32_t en0_set;
    volatile uint32_t en0_clr;
    volatile uint32_t outen;
    volatile uint32_t outen_set;
    volatile uint32_t outen_clr;
    volatile uint32_t out;
    volatile uint32_t out_set;
    volatile uint32_t out_clr;
    volatile uint32_t in;
    volatile uint32_t intmode;
    volatile uint32_t intpol;
    volatile uint32_t inen;
    volatile uint32_t inten;
    volatile uint32_t inten_set;
    volatile uint32_t inten_clr;
    volatile uint32_t intfl;
    uint32_t reserved0[1];
    volatile uint32_t intfl_clr;
    uint32_t reserved1[4];
    volatile uint32_t dualedge;
    volatile uint32_t padctrl0;
    volatile uint32_t padctrl1;
    volatile uint32_t en1;
    volatile uint32_t en1_set;
    volatile uint32_t en1_clr;
    volatile uint32_t en2;
    volatile uint32_t en2_set;
    volatile uint32_t en2_clr;
    uint32_t reserved2[14];
    volatile uint32_t ps;
    uint32_t reserved3[1];
    volatile uint32_t vssel;
} mxc_gpio_regs_t;
_Static_assert(offsetof(mxc_gpio_regs_t, en0) == 0x0, "");
_Static_assert(offsetof(mxc_gpio_regs_t, en0_set) == 0x4, "");
_Static_assert(offsetof(mxc_gpio_regs_t, en0_clr) == 0x8, "");
_Static_assert(offsetof(mxc_gpio_regs_t, outen) == 0xc, "");
_Static_assert(offsetof(mxc_gpio_regs_t, outen_set) == 0x10, "");
_Static_assert(offsetof(mxc_gpio_regs_t, outen_clr) == 0x14, "");
_Static_assert(offsetof(mxc_gpio_regs_t, out) == 0x18, "");
_Static_assert(offsetof(mxc_gpio_regs_t, out_set) == 0x1c, "");
_Static_assert(offsetof(mxc_gpio_regs_t, out_clr) == 0x20, "");
_Static_assert(offsetof(mxc_gpio_regs_t, in) == 0x24, "");
_Static_assert(offsetof(mxc_gpio_regs_t, intmode) == 0x28, "");
_Static_assert(offsetof(mxc_gpio_regs_t, intpol) == 0x2c, "");
_Static_assert(offsetof(mxc_gpio_regs_t, inen) == 0x30, "");
_Static_assert(offsetof(mxc_gpio_regs_t, inten) == 0x34, "");
_Static_assert(offsetof(mxc_gpio_regs_t, inten_set) == 0x38, "");
_Static_assert(offsetof(mxc_gpio_regs_t, inten_clr) == 0x3c, "");
_Static_assert(offsetof(mxc_gpio_regs_t, intfl) == 0x40, "");
_Static_assert(offsetof(mxc_gpio_regs_t, intfl_clr) == 0x48, "");
_Static_assert(offsetof(mxc_gpio_regs_t, dualedge) == 0x5c, "");
_Static_assert(offsetof(mxc_gpio_regs_t, padctrl0) == 0x60, "");
_Static_assert(offsetof(mxc_gpio_regs_t, padctrl1) == 0x64, "");
_Static_assert(offsetof(mxc_gpio_regs_t, en1) == 0x68, "");
_Static_assert(offsetof(mxc_gpio_regs_t, en1_set) == 0x6c, "");
_Static_assert(offsetof(mxc_gpio_regs_t, en1_clr) == 0x70, "");
_Static_assert(offsetof(mxc_gpio_regs_t, en2) == 0x74, "");
_Static_assert(offsetof(mxc_gpio_regs_t, en2_set) == 0x78, "");
_Static_assert(offsetof(mxc_gpio_regs_t, en2_clr) == 0x7c, "");
_Static_assert(offsetof(mxc_gpio_regs_t, ps) == 0xb8, "");
_Static_assert(offsetof(mxc_gpio_regs_t, vssel) == 0xc0, "");
#define MXC_GPIO0 ((mxc_gpio_regs_t *)0x40008000u)
#define MXC_GPIO1 ((mxc_gpio_regs_t *)0x40009000u)
#define MXC_GPIO2 ((mxc_gpio_regs_t *)0x40080400u)

typedef struct {
    volatile uint32_t ctrl;
    volatile uint32_t status;
    volatile uint32_t int_en;
    volatile uint32_t int_fl;
    volatile uint32_t clkdiv;
    volatile uint32_t osr;
    uint32_t reserved0[2];
    volatile uint32_t fifo;
    uint32_t reserved1[3];
    volatile uint32_t dma;
} mxc_uart_regs_t;
_Static_assert(offsetof(mxc_uart_regs_t, ctrl) == 0x0, "");
_Static_assert(offsetof(mxc_uart_regs_t, status) == 0x4, "");
_Static_assert(offsetof(mxc_uart_regs_t, int_en) == 0x8, "");
_Static_assert(offsetof(mxc_uart_regs_t, int_fl) == 0xc, "");
_Static_assert(offsetof(mxc_uart_regs_t, clkdiv) == 0x10, "");
_Static_assert(offsetof(mxc_uart_regs_t, osr) == 0x14, "");
_Static_assert(offsetof(mxc_uart_regs_t, fifo) == 0x20, "");
_Static_assert(offsetof(mxc_uart_regs_t, dma) == 0x30, "");
#define MXC_UART0 ((mxc_uart_regs_t *)0x40042000u)
#define MXC_UART1 ((mxc_uart_regs_t *)0x40043000u)
#define MXC_UART2 ((mxc_uart_regs_t *)0x40044000u)
#define MXC_F_UART_CTRL_RX_THD_VAL_POS 0
#define MXC_F_UART_CTRL_RX_THD_VAL 15u
#define MXC_F_UART_CTRL_PAR_EN_POS 4
#define MXC_F_UART_CTRL_PAR_EN 16u
#define MXC_F_UART_CTRL_TX_FLUSH_POS 8
#define MXC_F_UART_CTRL_TX_FLUSH 0x00000100u
#define MXC_F_UART_CTRL_RX_FLUSH_POS 9
#define MXC_F_UART_CTRL_RX_FLUSH 0x00000200u
#define MXC_F_UART_CTRL_CHAR_SIZE_POS 10
#define MXC_F_UART_CTRL_CHAR_SIZE 0x00000c00u
#define MXC_F_UART_CTRL_STOPBITS_POS 12
#define MXC_F_UART_CTRL_STOPBITS 0x00001000u
#define MXC_F_UART_CTRL_HFC_EN_POS 13
#define MXC_F_UART_CTRL_HFC_EN 0x00002000u
#define MXC_F_UART_CTRL_BCLKEN_POS 15
#define MXC_F_UART_CTRL_BCLKEN 0x00008000u
#define MXC_F_UART_CTRL_BCLKSRC_POS 16
#define MXC_F_UART_CTRL_BCLKSRC 0x00030000u
#define MXC_F_UART_CTRL_BCLKRDY_POS 19
#define MXC_F_UART_CTRL_BCLKRDY 0x00080000u
#define MXC_F_UART_STATUS_TX_BUSY_POS 0
#define MXC_F_UART_STATUS_TX_BUSY 1u
#define MXC_F_UART_STATUS_RX_BUSY_POS 1
#define MXC_F_UART_STATUS_RX_BUSY 2u
#define MXC_F_UART_STATUS_RX_EM_POS 4
#define MXC_F_UART_STATUS_RX_EM 16u
#define MXC_F_UART_STATUS_RX_FULL_POS 5
#define MXC_F_UART_STATUS_RX_FULL 32u
#define MXC_F_UART_STATUS_TX_EM_POS 6
#define MXC_F_UART_STATUS_TX_EM 64u
#define MXC_F_UART_STATUS_TX_FULL_POS 7
#define MXC_F_UART_STATUS_TX_FULL 128u
#define MXC_F_UART_STATUS_RX_LVL_POS 8
#define MXC_F_UART_STATUS_RX_LVL 0x00000f00u
#define MXC_F_UART_STATUS_TX_LVL_POS 12
#define MXC_F_UART_STATUS_TX_LVL 0x0000f000u
#define MXC_F_UART_INT_EN_RX_FERR_POS 0
#define MXC_F_UART_INT_EN_RX_FERR 1u
#define MXC_F_UART_INT_EN_RX_PAR_POS 1
#define MXC_F_UART_INT_EN_RX_PAR 2u
#define MXC_F_UART_INT_EN_CTS_POS 2
#define MXC_F_UART_INT_EN_CTS 4u
#define MXC_F_UART_INT_EN_RX_OV_POS 3
#define MXC_F_UART_INT_EN_RX_OV 8u
#define MXC_F_UART_INT_EN_RX_THD_POS 4
#define MXC_F_UART_INT_EN_RX_THD 16u
#define MXC_F_UART_INT_EN_TX_HE_POS 6
#define MXC_F_UART_INT_EN_TX_HE 64u
#define MXC_F_UART_INT_FL_RX_FERR_POS 0
#define MXC_F_UART_INT_FL_RX_FERR 1u
#define MXC_F_UART_INT_FL_RX_PAR_POS 1
#define MXC_F_UART_INT_FL_RX_PAR 2u
#define MXC_F_UART_INT_FL_CTS_POS 2
#define MXC_F_UART_INT_FL_CTS 4u
#define MXC_F_UART_INT_FL_RX_OV_POS 3
#define MXC_F_UART_INT_FL_RX_OV 8u
#define MXC_F_UART_INT_FL_RX_THD_POS 4
#define MXC_F_UART_INT_FL_RX_THD 16u
#define MXC_F_UART_INT_FL_TX_HE_POS 6
#define MXC_F_UART_INT_FL_TX_HE 64u
#define MXC_F_UART_CLKDIV_CLKDIV_POS 0
#define MXC_F_UART_CLKDIV_CLKDIV 0x000fffffu
#define MXC_F_UART_OSR_OSR_POS 0
#define MXC_F_UART_OSR_OSR 7u
#define MXC_F_UART_FIFO_DATA_POS 0
#define MXC_F_UART_FIFO_DATA 255u
#define MXC_F_UART_DMA_TX_THD_VAL_POS 0
#define MXC_F_UART_DMA_TX_THD_VAL 15u
#define MXC_F_UART_DMA_TX_EN_POS 4
#define MXC_F_UART_DMA_TX_EN 16u
#define MXC_F_UART_DMA_RX_THD_VAL_POS 5
#define MXC_F_UART_DMA_RX_THD_VAL 0x000001e0u
#define MXC_F_UART_DMA_RX_EN_POS 9
#define MXC_F_UART_DMA_RX_EN 0x00000200u

typedef struct {
    volatile uint32_t ctrl;
    volatile uint32_t status;
    volatile uint32_t intfl0;
    volatile uint32_t inten0;
    volatile uint32_t intfl1;
    volatile uint32_t inten1;
    volatile uint32_t fifolen;
    volatile uint32_t rxctrl0;
    volatile uint32_t rxctrl1;
    volatile uint32_t txctrl0;
    volatile uint32_t txctrl1;
    volatile uint32_t fifo;
    volatile uint32_t mstctrl;
    volatile uint32_t clklo;
    volatile uint32_t clkhi;
} mxc_i2c_regs_t;
_Static_assert(offsetof(mxc_i2c_regs_t, ctrl) == 0x0, "");
_Static_assert(offsetof(mxc_i2c_regs_t, status) == 0x4, "");
_Static_assert(offsetof(mxc_i2c_regs_t, intfl0) == 0x8, "");
_Static_assert(offsetof(mxc_i2c_regs_t, inten0) == 0xc, "");
_Static_assert(offsetof(mxc_i2c_regs_t, intfl1) == 0x10, "");
_Static_assert(offsetof(mxc_i2c_regs_t, inten1) == 0x14, "");
_Static_assert(offsetof(mxc_i2c_regs_t, fifolen) == 0x18, "");
_Static_assert(offsetof(mxc_i2c_regs_t, rxctrl0) == 0x1c, "");
_Static_assert(offsetof(mxc_i2c_regs_t, rxctrl1) == 0x20, "");
_Static_assert(offsetof(mxc_i2c_regs_t, txctrl0) == 0x24, "");
_Static_assert(offsetof(mxc_i2c_regs_t, txctrl1) == 0x28, "");
_Static_assert(offsetof(mxc_i2c_regs_t, fifo) == 0x2c, "");
_Static_assert(offsetof(mxc_i2c_regs_t, mstctrl) == 0x30, "");
_Static_assert(offsetof(mxc_i2c_regs_t, clklo) == 0x34, "");
_Static_assert(offsetof(mxc_i2c_regs_t, clkhi) == 0x38, "");
#define MXC_I2C0 ((mxc_i2c_regs_t *)0x4001d000u)
#define MXC_I2C1 ((mxc_i2c_regs_t *)0x4001e000u)
#define MXC_I2C2 ((mxc_i2c_regs_t *)0x4001f000u)
#define MXC_F_I2C_CTRL_EN_POS 0
#define MXC_F_I2C_CTRL_EN 1u
#define MXC_F_I2C_CTRL_MST_POS 1
#define MXC_F_I2C_CTRL_MST 2u
#define MXC_F_I2C_CTRL_SCL_OUT_POS 6
#define MXC_F_I2C_CTRL_SCL_OUT 64u
#define MXC_F_I2C_CTRL_SDA_OUT_POS 7
#define MXC_F_I2C_CTRL_SDA_OUT 128u
#define MXC_F_I2C_CTRL_SCL_POS 8
#define MXC_F_I2C_CTRL_SCL 0x00000100u
#define MXC_F_I2C_CTRL_SDA_POS 9
#define MXC_F_I2C_CTRL_SDA 0x00000200u
#define MXC_F_I2C_CTRL_BB_MODE_POS 10
#define MXC_F_I2C_CTRL_BB_MODE 0x00000400u
#define MXC_F_I2C_STATUS_BUSY_POS 0
#define MXC_F_I2C_STATUS_BUSY 1u
#define MXC_F_I2C_STATUS_RX_EM_POS 1
#define MXC_F_I2C_STATUS_RX_EM 2u
#define MXC_F_I2C_STATUS_RX_FULL_POS 2
#define MXC_F_I2C_STATUS_RX_FULL 4u
#define MXC_F_I2C_STATUS_TX_EM_POS 3
#define MXC_F_I2C_STATUS_TX_EM 8u
#define MXC_F_I2C_STATUS_TX_FULL_POS 4
#define MXC_F_I2C_STATUS_TX_FULL 16u
#define MXC_F_I2C_STATUS_MST_BUSY_POS 5
#define MXC_F_I2C_STATUS_MST_BUSY 32u
#define MXC_F_I2C_INTFL0_DONE_POS 0
#define MXC_F_I2C_INTFL0_DONE 1u
#define MXC_F_I2C_INTFL0_RX_THD_POS 4
#define MXC_F_I2C_INTFL0_RX_THD 16u
#define MXC_F_I2C_INTFL0_TX_THD_POS 5
#define MXC_F_I2C_INTFL0_TX_THD 32u
#define MXC_F_I2C_INTFL0_STOP_POS 6
#define MXC_F_I2C_INTFL0_STOP 64u
#define MXC_F_I2C_INTFL0_ADDR_ACK_POS 7
#define MXC_F_I2C_INTFL0_ADDR_ACK 128u
#define MXC_F_I2C_INTFL0_ARB_ERR_POS 8
#define MXC_F_I2C_INTFL0_ARB_ERR 0x00000100u
#define MXC_F_I2C_INTFL0_TO_ERR_POS 9
#define MXC_F_I2C_INTFL0_TO_ERR 0x00000200u
#define MXC_F_I2C_INTFL0_ADDR_NACK_ERR_POS 10
#define MXC_F_I2C_INTFL0_ADDR_NACK_ERR 0x00000400u
#define MXC_F_I2C_INTFL0_DATA_ERR_POS 11
#define MXC_F_I2C_INTFL0_DATA_ERR 0x00000800u
#define MXC_F_I2C_INTFL0_DNR_ERR_POS 12
#define MXC_F_I2C_INTFL0_DNR_ERR 0x00001000u
#define MXC_F_I2C_INTFL0_START_ERR_POS 13
#define MXC_F_I2C_INTFL0_START_ERR 0x00002000u
#define MXC_F_I2C_INTFL0_STOP_ERR_POS 14
#define MXC_F_I2C_INTFL0_STOP_ERR 0x00004000u
#define MXC_F_I2C_INTFL0_TX_LOCKOUT_POS 15
#define MXC_F_I2C_INTFL0_TX_LOCKOUT 0x00008000u
#define MXC_F_I2C_RXCTRL0_FLUSH_POS 7
#define MXC_F_I2C_RXCTRL0_FLUSH 128u
#define MXC_F_I2C_RXCTRL0_THD_LVL_POS 8
#define MXC_F_I2C_RXCTRL0_THD_LVL 0x00000f00u
#define MXC_F_I2C_RXCTRL1_CNT_POS 0
#define MXC_F_I2C_RXCTRL1_CNT 255u
#define MXC_F_I2C_RXCTRL1_LVL_POS 8
#define MXC_F_I2C_RXCTRL1_LVL 0x00000f00u
#define MXC_F_I2C_TXCTRL0_PRELOAD_MODE_POS 0
#define MXC_F_I2C_TXCTRL0_PRELOAD_MODE 1u
#define MXC_F_I2C_TXCTRL0_FLUSH_POS 7
#define MXC_F_I2C_TXCTRL0_FLUSH 128u
#define MXC_F_I2C_TXCTRL0_THD_VAL_POS 8
#define MXC_F_I2C_TXCTRL0_THD_VAL 0x00000f00u
#define MXC_F_I2C_TXCTRL1_LVL_POS 8
#define MXC_F_I2C_TXCTRL1_LVL 0x00000f00u
#define MXC_F_I2C_FIFO_DATA_POS 0
#define MXC_F_I2C_FIFO_DATA 255u
#define MXC_F_I2C_MSTCTRL_START_POS 0
#define MXC_F_I2C_MSTCTRL_START 1u
#define MXC_F_I2C_MSTCTRL_RESTART_POS 1
#define MXC_F_I2C_MSTCTRL_RESTART 2u
#define MXC_F_I2C_MSTCTRL_STOP_POS 2
#define MXC_F_I2C_MSTCTRL_STOP 4u
#define MXC_F_I2C_CLKLO_LO_POS 0
#define MXC_F_I2C_CLKLO_LO 0x000001ffu
#define MXC_F_I2C_CLKHI_HI_POS 0
#define MXC_F_I2C_CLKHI_HI 0x000001ffu

typedef struct {
    volatile uint32_t ctrl;
    volatile uint32_t rst;
    volatile uint32_t clksel;
    volatile uint32_t cnt;
} mxc_wdt_regs_t;
_Static_assert(offsetof(mxc_wdt_regs_t, ctrl) == 0x0, "");
_Static_assert(offsetof(mxc_wdt_regs_t, rst) == 0x4, "");
_Static_assert(offsetof(mxc_wdt_regs_t, clksel) == 0x8, "");
_Static_assert(offsetof(mxc_wdt_regs_t, cnt) == 0xc, "");
#define MXC_WDT ((mxc_wdt_regs_t *)0x40003000u)
#define MXC_F_WDT_CTRL_INT_LATE_VAL_POS 0
#define MXC_F_WDT_CTRL_INT_LATE_VAL 15u
#define MXC_F_WDT_CTRL_RST_LATE_VAL_POS 4
#define MXC_F_WDT_CTRL_RST_LATE_VAL 240u
#define MXC_F_WDT_CTRL_EN_POS 8
#define MXC_F_WDT_CTRL_EN 0x00000100u
#define MXC_F_WDT_CTRL_INT_LATE_POS 9
#define MXC_F_WDT_CTRL_INT_LATE 0x00000200u
#define MXC_F_WDT_CTRL_WDT_INT_EN_POS 10
#define MXC_F_WDT_CTRL_WDT_INT_EN 0x00000400u
#define MXC_F_WDT_CTRL_WDT_RST_EN_POS 11
#define MXC_F_WDT_CTRL_WDT_RST_EN 0x00000800u
#define MXC_F_WDT_CTRL_RST_LATE_POS 31
#define MXC_F_WDT_CTRL_RST_LATE 0x80000000u
#define MXC_F_WDT_RST_RESET_POS 0
#define MXC_F_WDT_RST_RESET 255u
#define MXC_F_WDT_CLKSEL_SOURCE_POS 0
#define MXC_F_WDT_CLKSEL_SOURCE 7u

typedef struct {
    volatile uint32_t cnt;
    volatile uint32_t cmp;
    volatile uint32_t pwm;
    volatile uint32_t intfl;
    volatile uint32_t ctrl0;
    volatile uint32_t nolcmp;
    volatile uint32_t ctrl1;
    volatile uint32_t wkfl;
} mxc_tmr_regs_t;
_Static_assert(offsetof(mxc_tmr_regs_t, cnt) == 0x0, "");
_Static_assert(offsetof(mxc_tmr_regs_t, cmp) == 0x4, "");
_Static_assert(offsetof(mxc_tmr_regs_t, pwm) == 0x8, "");
_Static_assert(offsetof(mxc_tmr_regs_t, intfl) == 0xc, "");
_Static_assert(offsetof(mxc_tmr_regs_t, ctrl0) == 0x10, "");
_Static_assert(offsetof(mxc_tmr_regs_t, nolcmp) == 0x14, "");
_Static_assert(offsetof(mxc_tmr_regs_t, ctrl1) == 0x18, "");
_Static_assert(offsetof(mxc_tmr_regs_t, wkfl) == 0x1c, "");
#define MXC_TMR0 ((mxc_tmr_regs_t *)0x40010000u)
#define MXC_TMR1 ((mxc_tmr_regs_t *)0x40011000u)
#define MXC_TMR2 ((mxc_tmr_regs_t *)0x40012000u)
#define MXC_TMR3 ((mxc_tmr_regs_t *)0x40013000u)
#define MXC_F_TMR_INTFL_IRQ_A_POS 0
#define MXC_F_TMR_INTFL_IRQ_A 1u
#define MXC_F_TMR_INTFL_WRDONE_A_POS 8
#define MXC_F_TMR_INTFL_WRDONE_A 0x00000100u
#define MXC_F_TMR_INTFL_WR_DIS_A_POS 9
#define MXC_F_TMR_INTFL_WR_DIS_A 0x00000200u
#define MXC_F_TMR_INTFL_IRQ_B_POS 16
#define MXC_F_TMR_INTFL_IRQ_B 0x00010000u
#define MXC_F_TMR_INTFL_WRDONE_B_POS 24
#define MXC_F_TMR_INTFL_WRDONE_B 0x01000000u
#define MXC_F_TMR_CTRL0_MODE_A_POS 0
#define MXC_F_TMR_CTRL0_MODE_A 15u
#define MXC_F_TMR_CTRL0_CLKDIV_A_POS 4
#define MXC_F_TMR_CTRL0_CLKDIV_A 240u
#define MXC_F_TMR_CTRL0_POL_A_POS 8
#define MXC_F_TMR_CTRL0_POL_A 0x00000100u
#define MXC_F_TMR_CTRL0_RST_A_POS 13
#define MXC_F_TMR_CTRL0_RST_A 0x00002000u
#define MXC_F_TMR_CTRL0_CLKEN_A_POS 14
#define MXC_F_TMR_CTRL0_CLKEN_A 0x00004000u
#define MXC_F_TMR_CTRL0_EN_A_POS 15
#define MXC_F_TMR_CTRL0_EN_A 0x00008000u
#define MXC_F_TMR_CTRL1_CLKSEL_A_POS 0
#define MXC_F_TMR_CTRL1_CLKSEL_A 3u
#define MXC_F_TMR_CTRL1_CLKEN_A_POS 2
#define MXC_F_TMR_CTRL1_CLKEN_A 4u
#define MXC_F_TMR_CTRL1_CLKRDY_A_POS 3
#define MXC_F_TMR_CTRL1_CLKRDY_A 8u
#define MXC_F_TMR_CTRL1_IE_A_POS 8
#define MXC_F_TMR_CTRL1_IE_A 0x00000100u
#define MXC_F_TMR_CTRL1_CASCADE_POS 31
#define MXC_F_TMR_CTRL1_CASCADE 0x80000000u

typedef struct {
    uint32_t reserved0[1];
    volatile uint32_t lpwkst0;
    volatile uint32_t lpwken0;
    volatile uint32_t lpwkst1;
    volatile uint32_t lpwken1;
    volatile uint32_t lpwkst2;
    volatile uint32_t lpwken2;
    uint32_t reserved1[5];
    volatile uint32_t lppwst;
} mxc_pwrseq_regs_t;
_Static_assert(offsetof(mxc_pwrseq_regs_t, lpwkst0) == 0x4, "");
_Static_assert(offsetof(mxc_pwrseq_regs_t, lpwken0) == 0x8, "");
_Static_assert(offsetof(mxc_pwrseq_regs_t, lpwkst1) == 0xc, "");
_Static_assert(offsetof(mxc_pwrseq_regs_t, lpwken1) == 0x10, "");
_Static_assert(offsetof(mxc_pwrseq_regs_t, lpwkst2) == 0x14, "");
_Static_assert(offsetof(mxc_pwrseq_regs_t, lpwken2) == 0x18, "");
_Static_assert(offsetof(mxc_pwrseq_regs_t, lppwst) == 0x30, "");
#define MXC_PWRSEQ ((mxc_pwrseq_regs_t *)0x40006800u)

typedef struct {
    volatile uint32_t inten;
    volatile uint32_t intfl;
} mxc_dma_regs_t;
_Static_assert(offsetof(mxc_dma_regs_t, inten) == 0x0, "");
_Static_assert(offsetof(mxc_dma_regs_t, intfl) == 0x4, "");
#define MXC_DMA ((mxc_dma_regs_t *)0x40028000u)

typedef struct {
    volatile uint32_t ctrl;
    volatile uint32_t status;
    volatile uint32_t src;
    volatile uint32_t dst;
    volatile uint32_t cnt;
    volatile uint32_t srcrld;
    volatile uint32_t dstrld;
    volatile uint32_t cntrld;
} mxc_dma_ch_regs_t;
_Static_assert(offsetof(mxc_dma_ch_regs_t, ctrl) == 0x0, "");
_Static_assert(offsetof(mxc_dma_ch_regs_t, status) == 0x4, "");
_Static_assert(offsetof(mxc_dma_ch_regs_t, src) == 0x8, "");
_Static_assert(offsetof(mxc_dma_ch_regs_t, dst) == 0xc, "");
_Static_assert(offsetof(mxc_dma_ch_regs_t, cnt) == 0x10, "");
_Static_assert(offsetof(mxc_dma_ch_regs_t, srcrld) == 0x14, "");
_Static_assert(offsetof(mxc_dma_ch_regs_t, dstrld) == 0x18, "");
_Static_assert(offsetof(mxc_dma_ch_regs_t, cntrld) == 0x1c, "");
#define MXC_DMA_CH0 ((mxc_dma_ch_regs_t *)0x40028100u)
#define MXC_DMA_CH1 ((mxc_dma_ch_regs_t *)0x40028120u)
#define MXC_DMA_CH2 ((mxc_dma_ch_regs_t *)0x40028140u)
#define MXC_DMA_CH3 ((mxc_dma_ch_regs_t *)0x40028160u)
#define MXC_F_DMA_CH_CTRL_EN_POS 0
#define MXC_F_DMA_CH_CTRL_EN 1u
#define MXC_F_DMA_CH_CTRL_RLDEN_POS 1
#define MXC_F_DMA_CH_CTRL_RLDEN 2u
#define MXC_F_DMA_CH_CTRL_PRI_POS 2
#define MXC_F_DMA_CH_CTRL_PRI 12u
#define MXC_F_DMA_CH_CTRL_REQUEST_POS 4
#define MXC_F_DMA_CH_CTRL_REQUEST 0x000003f0u
#define MXC_F_DMA_CH_CTRL_SRCWD_POS 16
#define MXC_F_DMA_CH_CTRL_SRCWD 0x00030000u
#define MXC_F_DMA_CH_CTRL_SRCINC_POS 18
#define MXC_F_DMA_CH_CTRL_SRCINC 0x00040000u
#define MXC_F_DMA_CH_CTRL_DSTWD_POS 20
#define MXC_F_DMA_CH_CTRL_DSTWD 0x00300000u
#define MXC_F_DMA_CH_CTRL_DSTINC_POS 22
#define MXC_F_DMA_CH_CTRL_DSTINC 0x00400000u
#define MXC_F_DMA_CH_CTRL_BURST_SIZE_POS 24
#define MXC_F_DMA_CH_CTRL_BURST_SIZE 0x1f000000u
#define MXC_F_DMA_CH_CTRL_DIS_IE_POS 30
#define MXC_F_DMA_CH_CTRL_DIS_IE 0x40000000u
#define MXC_F_DMA_CH_CTRL_CTZ_IE_POS 31
#define MXC_F_DMA_CH_CTRL_CTZ_IE 0x80000000u
#define MXC_F_DMA_CH_STATUS_STATUS_POS 0
#define MXC_F_DMA_CH_STATUS_STATUS 1u
#define MXC_F_DMA_CH_STATUS_IPEND_POS 1
#define MXC_F_DMA_CH_STATUS_IPEND 2u
#define MXC_F_DMA_CH_STATUS_CTZ_IF_POS 2
#define MXC_F_DMA_CH_STATUS_CTZ_IF 4u
#define MXC_F_DMA_CH_STATUS_RLD_IF_POS 3
#define MXC_F_DMA_CH_STATUS_RLD_IF 8u
#define MXC_F_DMA_CH_STATUS_BUS_ERR_POS 4
#define MXC_F_DMA_CH_STATUS_BUS_ERR 16u
#define MXC_F_DMA_CH_STATUS_TO_IF_POS 6
#define MXC_F_DMA_CH_STATUS_TO_IF 64u
#define MXC_F_DMA_CH_CNT_CNT_POS 0
#define MXC_F_DMA_CH_CNT_CNT 0x00ffffffu
#define MXC_F_DMA_CH_SRCRLD_ADDR_POS 0
#define MXC_F_DMA_CH_SRCRLD_ADDR 0x7fffffffu
#define MXC_F_DMA_CH_DSTRLD_ADDR_POS 0
#define MXC_F_DMA_CH_DSTRLD_ADDR 0x7fffffffu
#define MXC_F_DMA_CH_CNTRLD_CNT_POS 0
#define MXC_F_DMA_CH_CNTRLD_CNT 0x00ffffffu
#define MXC_F_DMA_CH_CNTRLD_EN_POS 31
#define MXC_F_DMA_CH_CNTRLD_EN 0x80000000u

typedef struct {
    volatile uint32_t ctrl;
    volatile uint32_t datain;
    volatile uint32_t poly;
    volatile uint32_t val;
} mxc_crc_regs_t;
_Static_assert(offsetof(mxc_crc_regs_t, ctrl) == 0x0, "");
_Static_assert(offsetof(mxc_crc_regs_t, datain) == 0x4, "");
_Static_assert(offsetof(mxc_crc_regs_t, poly) == 0x8, "");
_Static_assert(offsetof(mxc_crc_regs_t, val) == 0xc, "");
#define MXC_CRC ((mxc_crc_regs_t *)0x4000f000u)
#define MXC_F_CRC_CTRL_EN_POS 0
#define MXC_F_CRC_CTRL_EN 1u
#define MXC_F_CRC_CTRL_DMA_EN_POS 1
#define MXC_F_CRC_CTRL_DMA_EN 2u
#define MXC_F_CRC_CTRL_MSB_POS 2
#define MXC_F_CRC_CTRL_MSB 4u
#define MXC_F_CRC_CTRL_BYTE_SWAP_IN_POS 3
#define MXC_F_CRC_CTRL_BYTE_SWAP_IN 8u
#define MXC_F_CRC_CTRL_BYTE_SWAP_OUT_POS 4
#define MXC_F_CRC_CTRL_BYTE_SWAP_OUT 16u
#define MXC_F_CRC_CTRL_BUSY_POS 16
#define MXC_F_CRC_CTRL_BUSY 0x00010000u

typedef struct {
    volatile uint32_t ctrl;
    volatile uint32_t status;
    volatile uint32_t data;
} mxc_trng_regs_t;
_Static_assert(offsetof(mxc_trng_regs_t, ctrl) == 0x0, "");
_Static_assert(offsetof(mxc_trng_regs_t, status) == 0x4, "");
_Static_assert(offsetof(mxc_trng_regs_t, data) == 0x8, "");
#define MXC_TRNG ((mxc_trng_regs_t *)0x4004d000u)
#define MXC_F_TRNG_CTRL_RND_IE_POS 1
#define MXC_F_TRNG_CTRL_RND_IE 2u
#define MXC_F_TRNG_CTRL_KEYGEN_POS 3
#define MXC_F_TRNG_CTRL_KEYGEN 8u
#define MXC_F_TRNG_CTRL_KEYWIPE_POS 15
#define MXC_F_TRNG_CTRL_KEYWIPE 0x00008000u
#define MXC_F_TRNG_STATUS_RDY_POS 0
#define MXC_F_TRNG_STATUS_RDY 1u

typedef struct {
    volatile uint32_t sec;
    volatile uint32_t ssec;
    volatile uint32_t toda;
    volatile uint32_t sseca;
    volatile uint32_t ctrl;
    volatile uint32_t trim;
    volatile uint32_t oscctrl;
} mxc_rtc_regs_t;
_Static_assert(offsetof(mxc_rtc_regs_t, sec) == 0x0, "");
_Static_assert(offsetof(mxc_rtc_regs_t, ssec) == 0x4, "");
_Static_assert(offsetof(mxc_rtc_regs_t, toda) == 0x8, "");
_Static_assert(offsetof(mxc_rtc_regs_t, sseca) == 0xc, "");
_Static_assert(offsetof(mxc_rtc_regs_t, ctrl) == 0x10, "");
_Static_assert(offsetof(mxc_rtc_regs_t, trim) == 0x14, "");
_Static_assert(offsetof(mxc_rtc_regs_t, oscctrl) == 0x18, "");
#define MXC_RTC ((mxc_rtc_regs_t *)0x40006000u)
#define MXC_F_RTC_SSEC_SSEC_POS 0
#define MXC_F_RTC_SSEC_SSEC 0x00000fffu
#define MXC_F_RTC_TODA_TOD_ALARM_POS 0
#define MXC_F_RTC_TODA_TOD_ALARM 0x000fffffu
#define MXC_F_RTC_CTRL_EN_POS 0
#define MXC_F_RTC_CTRL_EN 1u
#define MXC_F_RTC_CTRL_TOD_ALARM_IE_POS 1
#define MXC_F_RTC_CTRL_TOD_ALARM_IE 2u
#define MXC_F_RTC_CTRL_SSEC_ALARM_IE_POS 2
#define MXC_F_RTC_CTRL_SSEC_ALARM_IE 4u
#define MXC_F_RTC_CTRL_BUSY_POS 3
#define MXC_F_RTC_CTRL_BUSY 8u
#define MXC_F_RTC_CTRL_RDY_POS 4
#define MXC_F_RTC_CTRL_RDY 16u
#define MXC_F_RTC_CTRL_RDY_IE_POS 5
#define MXC_F_RTC_CTRL_RDY_IE 32u
#define MXC_F_RTC_CTRL_TOD_ALARM_POS 6
#define MXC_F_RTC_CTRL_TOD_ALARM 64u
#define MXC_F_RTC_CTRL_SSEC_ALARM_POS 7
#define MXC_F_RTC_CTRL_SSEC_ALARM 128u
#define MXC_F_RTC_CTRL_SQW_EN_POS 8
#define MXC_F_RTC_CTRL_SQW_EN 0x00000100u
#define MXC_F_RTC_CTRL_WR_EN_POS 15
#define MXC_F_RTC_CTRL_WR_EN 0x00008000u

typedef struct {
    volatile uint32_t cnt;
    volatile uint32_t cmp;
    uint32_t reserved0[1];
    volatile uint32_t intr;
    volatile uint32_t ctrl;
} mxc_wut_regs_t;
_Static_assert(offsetof(mxc_wut_regs_t, cnt) == 0x0, "");
_Static_assert(offsetof(mxc_wut_regs_t, cmp) == 0x4, "");
_Static_assert(offsetof(mxc_wut_regs_t, intr) == 0xc, "");
_Static_assert(offsetof(mxc_wut_regs_t, ctrl) == 0x10, "");
#define MXC_WUT ((mxc_wut_regs_t *)0x40006400u)
#define MXC_F_WUT_INTR_IRQ_CLR_POS 0
#define MXC_F_WUT_INTR_IRQ_CLR 1u
#define MXC_F_WUT_CTRL_TMODE_POS 0
#define MXC_F_WUT_CTRL_TMODE 7u
#define MXC_F_WUT_CTRL_PRES_POS 3
#define MXC_F_WUT_CTRL_PRES 56u
#define MXC_F_WUT_CTRL_TPOL_POS 6
#define MXC_F_WUT_CTRL_TPOL 64u
#define MXC_F_WUT_CTRL_TEN_POS 7
#define MXC_F_WUT_CTRL_TEN 128u
#define MXC_F_WUT_CTRL_PRES3_POS 8
#define MXC_F_WUT_CTRL_PRES3 0x00000100u

typedef struct {
    uint32_t reserved0[4];
    volatile uint32_t ctrl;
} mxc_mcr_regs_t;
_Static_assert(offsetof(mxc_mcr_regs_t, ctrl) == 0x10, "");
#define MXC_MCR ((mxc_mcr_regs_t *)0x40006c00u)
#define MXC_F_MCR_CTRL_INRO_EN_POS 2
#define MXC_F_MCR_CTRL_INRO_EN 4u
#define MXC_F_MCR_CTRL_ERTCO_EN_POS 3
#define MXC_F_MCR_CTRL_ERTCO_EN 8u

typedef struct {
    volatile uint32_t enable;
    volatile uint32_t resync;
    volatile uint32_t intfl;
    volatile uint32_t inten;
    volatile uint32_t safe_en;
    volatile uint32_t safe_dis;
} mxc_ptg_regs_t;
_Static_assert(offsetof(mxc_ptg_regs_t, enable) == 0x0, "");
_Static_assert(offsetof(mxc_ptg_regs_t, resync) == 0x4, "");
_Static_assert(offsetof(mxc_ptg_regs_t, intfl) == 0x8, "");
_Static_assert(offsetof(mxc_ptg_regs_t, inten) == 0xc, "");
_Static_assert(offsetof(mxc_ptg_regs_t, safe_en) == 0x10, "");
_Static_assert(offsetof(mxc_ptg_regs_t, safe_dis) == 0x14, "");
#define MXC_PTG ((mxc_ptg_regs_t *)0x4003c000u)
#define MXC_F_PTG_ENABLE_PT0_POS 0
#define MXC_F_PTG_ENABLE_PT0 1u
#define MXC_F_PTG_RESYNC_PT0_POS 0
#define MXC_F_PTG_RESYNC_PT0 1u
#define MXC_F_PTG_INTFL_PT0_POS 0
#define MXC_F_PTG_INTFL_PT0 1u
#define MXC_F_PTG_INTEN_PT0_POS 0
#define MXC_F_PTG_INTEN_PT0 1u
#define MXC_F_PTG_SAFE_EN_PT0_POS 0
#define MXC_F_PTG_SAFE_EN_PT0 1u
#define MXC_F_PTG_SAFE_DIS_PT0_POS 0
#define MXC_F_PTG_SAFE_DIS_PT0 1u

typedef struct {
    volatile uint32_t rate_length;
    volatile uint32_t train;
    volatile uint32_t loop;
    volatile uint32_t restart;
} mxc_pt_regs_t;
_Static_assert(offsetof(mxc_pt_regs_t, rate_length) == 0x0, "");
_Static_assert(offsetof(mxc_pt_regs_t, train) == 0x4, "");
_Static_assert(offsetof(mxc_pt_regs_t, loop) == 0x8, "");
_Static_assert(offsetof(mxc_pt_regs_t, restart) == 0xc, "");
#define MXC_PT ((mxc_pt_regs_t *)0x4003c020u)
#define MXC_F_PT_RATE_LENGTH_RATE_CONTROL_POS 0
#define MXC_F_PT_RATE_LENGTH_RATE_CONTROL 0x07ffffffu
#define MXC_F_PT_RATE_LENGTH_MODE_POS 27
#define MXC_F_PT_RATE_LENGTH_MODE 0xf8000000u
#define MXC_F_PT_LOOP_COUNT_POS 0
#define MXC_F_PT_LOOP_COUNT 0x0000ffffu
#define MXC_F_PT_LOOP_DELAY_POS 16
#define MXC_F_PT_LOOP_DELAY 0x0fff0000u

typedef struct {
    volatile uint32_t ver;
    volatile uint32_t fifo_size;
    volatile uint32_t ctrl;
    volatile uint32_t int_en;
    volatile uint32_t int_fl;
    volatile uint32_t ds_timing_codes;
    uint32_t reserved0[6];
    volatile uint32_t fifo_data;
} mxc_pcif_regs_t;
_Static_assert(offsetof(mxc_pcif_regs_t, ver) == 0x0, "");
_Static_assert(offsetof(mxc_pcif_regs_t, fifo_size) == 0x4, "");
_Static_assert(offsetof(mxc_pcif_regs_t, ctrl) == 0x8, "");
_Static_assert(offsetof(mxc_pcif_regs_t, int_en) == 0xc, "");
_Static_assert(offsetof(mxc_pcif_regs_t, int_fl) == 0x10, "");
_Static_assert(offsetof(mxc_pcif_regs_t, ds_timing_codes) == 0x14, "");
_Static_assert(offsetof(mxc_pcif_regs_t, fifo_data) == 0x30, "");
#define MXC_PCIF ((mxc_pcif_regs_t *)0x4000e000u)
#define MXC_F_PCIF_VER_MINOR_POS 0
#define MXC_F_PCIF_VER_MINOR 255u
#define MXC_F_PCIF_VER_MAJOR_POS 8
#define MXC_F_PCIF_VER_MAJOR 0x0000ff00u
#define MXC_F_PCIF_FIFO_SIZE_FIFO_SIZE_POS 0
#define MXC_F_PCIF_FIFO_SIZE_FIFO_SIZE 255u
#define MXC_F_PCIF_CTRL_READ_MODE_POS 0
#define MXC_F_PCIF_CTRL_READ_MODE 3u
#define MXC_F_PCIF_CTRL_DATA_WIDTH_POS 2
#define MXC_F_PCIF_CTRL_DATA_WIDTH 12u
#define MXC_F_PCIF_CTRL_DS_TIMING_EN_POS 4
#define MXC_F_PCIF_CTRL_DS_TIMING_EN 16u
#define MXC_F_PCIF_CTRL_FIFO_THRSH_POS 5
#define MXC_F_PCIF_CTRL_FIFO_THRSH 0x000003e0u
#define MXC_F_PCIF_CTRL_RX_DMA_POS 16
#define MXC_F_PCIF_CTRL_RX_DMA 0x00010000u
#define MXC_F_PCIF_CTRL_RX_DMA_THRSH_POS 17
#define MXC_F_PCIF_CTRL_RX_DMA_THRSH 0x001e0000u
#define MXC_F_PCIF_CTRL_THREE_CH_EN_POS 30
#define MXC_F_PCIF_CTRL_THREE_CH_EN 0x40000000u
#define MXC_F_PCIF_CTRL_PCIF_SYS_POS 31
#define MXC_F_PCIF_CTRL_PCIF_SYS 0x80000000u
#define MXC_F_PCIF_INT_EN_IMG_DONE_POS 0
#define MXC_F_PCIF_INT_EN_IMG_DONE 1u
#define MXC_F_PCIF_INT_EN_FIFO_FULL_POS 1
#define MXC_F_PCIF_INT_EN_FIFO_FULL 2u
#define MXC_F_PCIF_INT_EN_FIFO_THRESH_POS 2
#define MXC_F_PCIF_INT_EN_FIFO_THRESH 4u
#define MXC_F_PCIF_INT_EN_FIFO_NOT_EMPTY_POS 3
#define MXC_F_PCIF_INT_EN_FIFO_NOT_EMPTY 8u
#define MXC_F_PCIF_INT_FL_IMG_DONE_POS 0
#define MXC_F_PCIF_INT_FL_IMG_DONE 1u
#define MXC_F_PCIF_INT_FL_FIFO_FULL_POS 1
#define MXC_F_PCIF_INT_FL_FIFO_FULL 2u
#define MXC_F_PCIF_INT_FL_FIFO_THRESH_POS 2
#define MXC_F_PCIF_INT_FL_FIFO_THRESH 4u
#define MXC_F_PCIF_INT_FL_FIFO_NOT_EMPTY_POS 3
#define MXC_F_PCIF_INT_FL_FIFO_NOT_EMPTY 8u
#define MXC_F_PCIF_DS_TIMING_CODES_SAV_POS 0
#define MXC_F_PCIF_DS_TIMING_CODES_SAV 255u
#define MXC_F_PCIF_DS_TIMING_CODES_EAV_POS 8
#define MXC_F_PCIF_DS_TIMING_CODES_EAV 0x0000ff00u

#endif
