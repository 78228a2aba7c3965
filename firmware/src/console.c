#include "console.h"

#include "commands.h"
#include "frame.h"
#include "hal.h"
#include "line.h"
#include "standalone.h"
#include "text.h"

/* No host pauses that long inside a frame: the rest of one begun will not come. */
#define SILENCE_TICKS (TIMER_HZ / 4u)
#define NAP_TICKS (TIMER_HZ / 8u)

static frame_decoder_t decoder;
static uint64_t heard_at;

static void answer_all(frame_status_t (*next)(frame_decoder_t *, frame_t *))
{
    frame_t frame;
    frame_status_t status;
    while ((status = next(&decoder, &frame)) != FRAME_NONE) {
        if (status == FRAME_COMPLETE) {
            cpu_hold_interrupts();
            uart_expect(1); /* any byte ends a long command */
            cpu_release_interrupts();
            line_frame_came();
            standalone_end();
        }
        if (status == FRAME_OUTSIDE) {
            text_receive(frame.payload, frame.length);
        } else {
            commands_answer(status, &frame);
        }
    }
}

void console_receive(const uint8_t *bytes, size_t count)
{
    heard_at = timer_now();
    line_bytes_came();
    while (count > 0) {
        const size_t taken = frame_feed(&decoder, bytes, count);
        bytes += taken;
        count -= taken;
        answer_all(frame_next);
    }
}

void console_check_silence(void)
{
    if (timer_now() - heard_at > SILENCE_TICKS) {
        cpu_hold_interrupts();
        uart_expect(1); /* no rest will come: fetch what stayed below the threshold */
        cpu_release_interrupts();
        answer_all(frame_next_after_silence);
        text_after_silence();
    }
    line_check();
}

static void nap(void)
{
    if (timer_alarm_expired()) {
        timer_set_alarm(NAP_TICKS);
    }
    /* While interrupts are held nothing can change between the test and the sleep, and one that becomes pending there
     * still ends the sleep: it is served on release. */
    cpu_hold_interrupts();
    uart_expect(frame_missing(&decoder)); /* one interrupt for several bytes of a frame */
    if (!uart_has_data() && !capture_is_complete() && !timer_alarm_expired()) {
        cpu_wait_for_interrupt();
    }
    cpu_release_interrupts();
}

void console_run(void)
{
    uint8_t bytes[FRAME_CHUNK];
    const size_t count = uart_read(bytes, sizeof bytes);
    if (count > 0) {
        console_receive(bytes, count);
    } else {
        console_check_silence();
        nap();
    }
}
