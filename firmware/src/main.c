/* Firmware of the MAX78000FTHR: bring the board up, then answer the serial port for ever. */
#include "commands.h"
#include "frame.h"
#include "hal.h"
#include "inference.h"

/* Before anything sleeps or switches clocks off, so that a debugger can always get hold of the board again. */
#define BOOT_PAUSE_TICKS (2u * TIMER_HZ)

/* No host pauses that long inside a frame: the rest of one begun will not come. */
#define SILENCE_TICKS (TIMER_HZ / 4u)

static frame_decoder_t decoder;

/* On failure the red LED stays lit and the processor awake. */
static void bring_up(void)
{
    gpio_init_leds();
    gpio_set_led(LED_RED, true);
    bool up = clock_init() && icc_init() && timer_init() && uart_init(PROTOCOL_BAUD_RATE);
    if (up) {
        timer_wait(BOOT_PAUSE_TICKS);
        simo_init();
        up = inference_init();
    }
    while (!up) {
    }
    gpio_set_led(LED_RED, false); /* dark from here on: a LED draws more than the accelerator */
}

static void answer_all(frame_status_t (*next)(frame_decoder_t *, frame_t *))
{
    frame_t frame;
    frame_status_t status;
    while ((status = next(&decoder, &frame)) != FRAME_NONE) {
        commands_answer(status, &frame);
    }
}

int main(void)
{
    bring_up();
    bool quiet = false; /* no byte since `quiet_since` */
    uint32_t quiet_since = 0;
    for (;;) {
        uint8_t bytes[UART_FIFO_DEPTH];
        const size_t count = uart_read(bytes, sizeof bytes);
        if (count > 0) {
            frame_feed(&decoder, bytes, count);
            answer_all(frame_next);
            quiet = false;
        } else if (frame_is_pending(&decoder)) {
            if (!quiet) {
                quiet = true;
                quiet_since = timer_ticks();
            } else if (timer_ticks() - quiet_since > SILENCE_TICKS) {
                answer_all(frame_next_after_silence);
            }
        }
    }
}
