/* Pictures from the parallel camera interface by DMA, without end, into two buffers by turns: one is filled while the
 * other may be read. */
#include "hal.h"
#include "wait.h"

#define FIFO_THRESHOLD 4u /* words; of no consequence while DMA serves the FIFO */
#define DMA_THRESHOLD 1u
#define WORD 2u /* DMA_CH.CTRL.SRCWD and DSTWD */
#define BURST_BYTES 4u
#define LOOKS 50u /* some microseconds, for the last words to move from FIFO to memory */
#define NO_BUFFER (-1)

#define ROW_BYTES (CAPTURE_BYTES / CAPTURE_ROWS)

/* With room for one row more: see arrived(). In a section of its own, for the build to tell its size. */
static uint32_t buffers[2][(CAPTURE_BYTES + ROW_BYTES) / 4u] __attribute__((section(".camera")));

static volatile int filling, complete = NO_BUFFER, reading = NO_BUFFER; /* numbers of buffers */
static volatile capture_state_t state;
static volatile uint32_t begun_ticks; /* since when DMA waits for the picture under way */

static uint32_t control(uint32_t read_mode)
{
    return MXC_F_PCIF_CTRL_PCIF_SYS | DMA_THRESHOLD << MXC_F_PCIF_CTRL_RX_DMA_THRSH_POS | MXC_F_PCIF_CTRL_RX_DMA
           | FIFO_THRESHOLD << MXC_F_PCIF_CTRL_FIFO_THRSH_POS | read_mode << MXC_F_PCIF_CTRL_READ_MODE_POS;
}

/* Have DMA take what comes next to the buffer `filling`. */
static void aim(void)
{
    MXC_DMA_CH0->status = MXC_F_DMA_CH_STATUS_CTZ_IF;
    MXC_DMA_CH0->dst = (uint32_t)buffers[filling];
    MXC_DMA_CH0->cnt = sizeof buffers[0];
    MXC_DMA_CH0->ctrl = DMA_PCIF_RX << MXC_F_DMA_CH_CTRL_REQUEST_POS | WORD << MXC_F_DMA_CH_CTRL_SRCWD_POS
                        | WORD << MXC_F_DMA_CH_CTRL_DSTWD_POS | MXC_F_DMA_CH_CTRL_DSTINC
                        | (BURST_BYTES - 1u) << MXC_F_DMA_CH_CTRL_BURST_SIZE_POS | MXC_F_DMA_CH_CTRL_EN;
    begun_ticks = timer_ticks();
}

/* Take every frame from the next start of one on. */
static void begin(void)
{
    MXC_PCIF->ctrl = control(PCIF_OFF);
    while (MXC_PCIF->int_fl & MXC_F_PCIF_INT_FL_FIFO_NOT_EMPTY) { /* what a broken frame has left */
        (void)MXC_PCIF->fifo_data;
        MXC_PCIF->int_fl = MXC_F_PCIF_INT_FL_FIFO_NOT_EMPTY;
    }
    MXC_PCIF->int_fl = MXC_PCIF->int_fl;
    aim();
    MXC_PCIF->ctrl = control(PCIF_CONTINUOUS);
}

/* Whether the rows of a picture have been moved to the buffer. The camera may send one more than the picture has: then
 * it is full to the end. */
static bool arrived(void)
{
    for (uint32_t look = 0; look < LOOKS; look++) {
        const uint32_t missing = MXC_DMA_CH0->cnt;
        if (missing == 0 || missing == ROW_BYTES) {
            return true;
        }
    }
    return false;
}

/* A frame has ended, and the next has begun: before its first word DMA must aim at the other buffer. */
static void frame_isr(void)
{
    const uint32_t flags = MXC_PCIF->int_fl;
    MXC_PCIF->int_fl = flags;
    const bool overflowed = flags & MXC_F_PCIF_INT_FL_FIFO_FULL;
    const bool whole = arrived() && !overflowed;
    MXC_DMA_CH0->ctrl = 0;
    state.frames++;
    if (!whole) {
        state.broken++;
        state.overflowed = overflowed;
        begin(); /* in step with the frames again */
        return;
    }
    const uint32_t now = timer_ticks();
    state.good_ticks = now;
    if (1 - filling != reading) {
        complete = filling; /* a complete one nobody has taken is overwritten next: lost as a whole */
        state.number = state.frames;
        state.ticks = now - begun_ticks;
        filling = 1 - filling;
    }
    aim();
}

bool capture_start(void)
{
    const mxc_gpio_cfg_t pins[] = {
        {MXC_GPIO0, 0xffu << 20 | 1u << 15, MXC_GPIO_PAD_NONE, MXC_GPIO_FUNC_ALT2}, /* D0 to D7, VSYNC */
        {MXC_GPIO1, 1u << 8 | 1u << 9, MXC_GPIO_PAD_NONE, MXC_GPIO_FUNC_ALT1},      /* HSYNC, pixel clock */
    };
    for (size_t i = 0; i < sizeof pins / sizeof *pins; i++) {
        gpio_configure(&pins[i]);
        pins[i].port->vssel |= pins[i].mask;
    }
    MXC_GCR->pclkdis1 &= ~MXC_F_GCR_PCLKDIS1_PCIF;
    clock_enable(MXC_F_GCR_PCLKDIS0_DMA);
    if (!clock_reset(MXC_F_GCR_RST0_DMA)) {
        return false;
    }
    filling = 0;
    complete = reading = NO_BUFFER;
    state = (capture_state_t){.good_ticks = timer_ticks()};
    MXC_PCIF->int_en = MXC_F_PCIF_INT_EN_IMG_DONE;
    cpu_set_vector(PCIF_IRQ, frame_isr);
    begin();
    return true;
}

void capture_stop(void)
{
    MXC_PCIF->int_en = 0;
    MXC_PCIF->ctrl = 0;
    MXC_DMA_CH0->ctrl = 0;
    complete = NO_BUFFER;
    clock_disable(MXC_F_GCR_PCLKDIS0_DMA);
    MXC_GCR->pclkdis1 |= MXC_F_GCR_PCLKDIS1_PCIF;
}

bool capture_is_complete(void)
{
    return complete != NO_BUFFER;
}

const uint8_t *capture_take(capture_state_t *at)
{
    cpu_hold_interrupts();
    reading = complete;
    complete = NO_BUFFER;
    *at = state;
    cpu_release_interrupts();
    return reading == NO_BUFFER ? NULL : (const uint8_t *)buffers[reading];
}

void capture_release(void)
{
    reading = NO_BUFFER;
}

capture_state_t capture_state(void)
{
    cpu_hold_interrupts();
    const capture_state_t now = state;
    cpu_release_interrupts();
    return now;
}
