#include "camera.h"

#include <string.h>

#include "bytes.h"
#include "frame.h"
#include "hal.h"
#include "inference.h"
#include "input.h"
#include "network.h"
#include "ovm7692.h"
#include "pmic.h"

#define LOGITS_AT sizeof(camera_frame_reply_t)
/* A square grey picture, and few enough logits to fit a frame with it. */
#define FITS (NETWORK_IMAGE_CHANNELS == 1 && NETWORK_IMAGE_ROWS == NETWORK_IMAGE_COLUMNS \
              && NETWORK_IMAGE_ROWS <= PROTOCOL_CAMERA_LARGEST \
              && LOGITS_AT + 4u * NETWORK_OUTPUTS + NETWORK_IMAGE_ROWS * NETWORK_IMAGE_ROWS + PICTURE_PIXELS \
                     <= PROTOCOL_MAX_PAYLOAD)
#define SIDE (FITS ? NETWORK_IMAGE_ROWS : 1u)
#define PIXELS (SIDE * SIDE)
#define PIXELS_AT (LOGITS_AT + (FITS ? 4u * NETWORK_OUTPUTS : 0u))
#define PREVIEW_AT (PIXELS_AT + PIXELS)
#define REPLY_BYTES (PREVIEW_AT + (FITS ? PICTURE_PIXELS : 0u))

_Static_assert(PICTURE_SIDE == PROTOCOL_CAMERA_SIDE && CAPTURE_BYTES == 2u * PICTURE_PIXELS, "two sides of a picture");
_Static_assert(REPLY_BYTES <= PROTOCOL_MAX_PAYLOAD, "an answer with its pictures does not fit a frame");

#define CLOCK_TICKS (3u * (TIMER_HZ / 10u)) /* 300 ms for the start-up pause to end: about twice what it takes */
#define CLOCK_LOOK_TICKS (TIMER_HZ / 4000u) /* so that the clock's pause behind that is short: the camera may mind */
#define FRAME_TICKS (3u * (TIMER_HZ / 10u)) /* and without a good frame; a period is some 50 to 100 ms */

/* Exposure has settled when the mean luma has moved by no more than SETTLED_STEP between frames so many times in a row.
 * Under lamps that flicker it may never do so: after SETTLING_FRAMES the frames count all the same. */
#define SETTLED_STEP 3u
#define SETTLED_TIMES 3u
#define SETTLING_FRAMES 30u

static uint8_t frame[REPLY_BYTES + PROTOCOL_OVERHEAD] __attribute__((section(".camera")));
static uint8_t *const payload = frame + FRAME_PAYLOAD_OFFSET;
static uint16_t length;
static camera_frame_reply_t answer; /* to the last picture inferred */

static bool on, fresh; /* an answer has not been given yet */
static error_t fault;
static picture_window_t window = {0, 0, PICTURE_SIDE};

static uint32_t steady, settling, last_mean;
static uint32_t first_number; /* the camera's count of the frame that is number 0 */

bool camera_is_on(void)
{
    return on;
}

error_t camera_fault(void)
{
    return fault;
}

/* Asleep until `ticks` have passed or any interrupt comes. */
static void nap(uint32_t ticks)
{
    watchdog_feed();
    timer_set_alarm(ticks);
    cpu_hold_interrupts(); /* so that nothing comes between test and sleep */
    if (!capture_is_complete() && !timer_alarm_expired()) {
        cpu_wait_for_interrupt();
    }
    cpu_release_interrupts();
    timer_cancel_alarm();
}

/* The clock runs for a while, in which the camera starts up; that it ends then shows that it ran. */
static bool start_clock(void)
{
    if (!xclk_start()) {
        return false;
    }
    const uint32_t start = timer_ticks();
    while (xclk_runs()) {
        if (timer_ticks() - start > CLOCK_TICKS) {
            return false;
        }
        nap(CLOCK_LOOK_TICKS);
    }
    xclk_run_on();
    return xclk_runs();
}

static error_t why_no_frame(void)
{
    const capture_state_t state = capture_state();
    if (!xclk_runs()) {
        return ERROR_CAMERA_NO_CLOCK;
    }
    if (state.broken == 0 || state.broken < state.frames) {
        return ERROR_CAMERA_NO_FRAME;
    }
    return state.overflowed ? ERROR_CAMERA_OVERFLOW : ERROR_CAMERA_SHORT_FRAME;
}

static bool overdue(void)
{
    return timer_ticks() - capture_state().good_ticks > FRAME_TICKS;
}

static error_t bring_up(void)
{
    if (!FITS) {
        return ERROR_CAMERA_UNFIT;
    }
    if (!i2c_init() || !pmic_supply_camera(true)) {
        return ERROR_CAMERA_NO_SUPPLY;
    }
    if (!start_clock()) {
        return ERROR_CAMERA_NO_CLOCK;
    }
    sccb_init();
    if (!ovm7692_answers()) {
        return ERROR_CAMERA_SILENT;
    }
    if (!ovm7692_is_known()) {
        return ERROR_CAMERA_UNKNOWN;
    }
    if (!ovm7692_configure()) {
        return ERROR_CAMERA_SILENT;
    }
    if (!capture_start()) {
        return ERROR_CAMERA_NO_FRAME;
    }
    while (!capture_is_complete()) {
        if (overdue()) {
            return why_no_frame();
        }
        nap(FRAME_TICKS);
    }
    return NO_ERROR;
}

static void shut_down(void)
{
    on = fresh = false;
    capture_stop();
    xclk_stop();
    (void)pmic_supply_camera(false);
}

error_t camera_start(void)
{
    if (on) {
        return NO_ERROR;
    }
    steady = settling = last_mean = 0;
    fresh = false;
    fault = bring_up();
    on = fault == NO_ERROR;
    if (!on) {
        shut_down();
    }
    return fault;
}

void camera_stop(void)
{
    fault = NO_ERROR;
    if (on) {
        shut_down();
    }
}

bool camera_set_window(picture_window_t wanted)
{
    if (wanted.side < SIDE || wanted.row + wanted.side > PICTURE_SIDE || wanted.column + wanted.side > PICTURE_SIDE) {
        return false;
    }
    window = wanted;
    return true;
}

static bool settled(uint32_t sum, uint32_t number)
{
    if (steady >= SETTLED_TIMES) {
        return true;
    }
    const uint32_t mean = sum / PIXELS;
    const uint32_t step = mean > last_mean ? mean - last_mean : last_mean - mean;
    steady = settling > 0 && step <= SETTLED_STEP ? steady + 1u : 0;
    last_mean = mean;
    if (++settling >= SETTLING_FRAMES) {
        steady = SETTLED_TIMES;
    }
    first_number = number;
    return steady >= SETTLED_TIMES;
}

static void describe(const capture_state_t *state, uint64_t start)
{
    answer = (camera_frame_reply_t){
        .number = state->number - first_number,
        .broken = state->broken,
        .capture_us = state->ticks / TIMER_TICKS_PER_US,
        .compute_us = (uint32_t)((timer_now() - start) / TIMER_TICKS_PER_US),
        .inference_us = inference_microseconds(),
        .predicted = inference_class(),
        .outputs = NETWORK_OUTPUTS,
    };
    uint8_t *at = payload + LOGITS_AT;
    for (size_t i = 0; i < NETWORK_OUTPUTS; i++) {
        at = put_u32(at, (uint32_t)inference_logit(i));
    }
}

/* Both pictures stay where the reply has them. */
static bool infer(const uint8_t *yuv, const capture_state_t *state)
{
    const uint64_t start = timer_now();
    picture_luma(yuv, payload + PREVIEW_AT, PICTURE_PIXELS);
    capture_release();
    fresh = false;
    picture_scale(payload + PREVIEW_AT, window, payload + PIXELS_AT, SIDE);
    if (!settled(picture_sum(payload + PIXELS_AT, PIXELS), state->number)) {
        return false;
    }
    picture_normalize(payload + PIXELS_AT, PIXELS);
    input_from_pixels(payload + PIXELS_AT);
    input_load();
    if (!input_infer(false)) {
        fault = ERROR_CNN_TIMEOUT;
        return false;
    }
    describe(state, start);
    fresh = true;
    return true;
}

bool camera_run(void)
{
    if (!FITS || !on) {
        return false;
    }
    capture_state_t state;
    const uint8_t *yuv = capture_take(&state);
    bool answered = false;
    if (yuv != NULL) {
        answered = infer(yuv, &state);
    } else if (overdue()) {
        fault = why_no_frame();
    }
    if (fault != NO_ERROR) {
        shut_down();
    }
    return answered;
}

error_t camera_next(camera_detail_t detail)
{
    while (on && !fresh) {
        if (!camera_run() && on) {
            nap(FRAME_TICKS);
        }
    }
    if (!on) {
        return fault != NO_ERROR ? fault : ERROR_CAMERA_OFF;
    }
    fresh = false;
    answer.side = detail >= CAMERA_PIXELS ? SIDE : 0;
    answer.camera_side = detail >= CAMERA_PREVIEW ? PICTURE_SIDE : 0;
    memcpy(payload, &answer, sizeof answer);
    length = (uint16_t)(detail >= CAMERA_PREVIEW ? REPLY_BYTES : detail >= CAMERA_PIXELS ? PREVIEW_AT : PIXELS_AT);
    return NO_ERROR;
}

uint8_t *camera_frame(void)
{
    return frame;
}

uint16_t camera_frame_length(void)
{
    return length;
}
