#include "commands.h"

#include <string.h>

#include "bytes.h"
#include "camera.h"
#include "duty.h"
#include "hal.h"
#include "inference.h"
#include "input.h"
#include "line.h"
#include "network.h"
#include "sensor.h"
#include "window.h"

#define MAJOR 0u /* version of this firmware */
#define MINOR 1u
#define PATCH 0u

#define MAX(a, b) ((a) > (b) ? (a) : (b))
#define NAMES NETWORK_NAME NETWORK_CLASSES
#define HELLO_BYTES (sizeof(hello_reply_t) + sizeof NAMES - 1u)
#define INFER_BYTES (sizeof(infer_reply_t) + 4u * NETWORK_OUTPUTS)
#define PROBE_BYTES (4u * PROTOCOL_PROBE_WORDS) /* more than a window's */
#define REPLY_BYTES MAX(MAX(HELLO_BYTES, INFER_BYTES), PROBE_BYTES)

_Static_assert(NETWORK_INPUT_SIZE <= PROTOCOL_MAX_PAYLOAD, "the network's input does not fit a frame");
_Static_assert(REPLY_BYTES <= PROTOCOL_MAX_PAYLOAD, "the network's outputs do not fit a frame");

/* In a section of its own, so that the host can tell from the ELF file which network is inside, and how it is used. */
__attribute__((section(".network_hash"))) const struct {
    uint8_t hash[PROTOCOL_HASH_BYTES];
    uint8_t runs;
} fer_edge_network_hash = {NETWORK_HASH, INPUT_RUNS};

static uint8_t reply[REPLY_BYTES + PROTOCOL_OVERHEAD];
static uint8_t *const payload = reply + FRAME_PAYLOAD_OFFSET;
static void (*afterwards)(void); /* what remains to do when the reply is out */
static uint32_t next_rate;

/* The length of the reply's payload, or why there is none. */
typedef struct {
    uint16_t length;
    error_t error;
    uint8_t *frame; /* around the payload */
} result_t;

static result_t done(const uint8_t *payload_end)
{
    return (result_t){(uint16_t)(payload_end - payload), NO_ERROR, reply};
}

static result_t failed(error_t error)
{
    return (result_t){.error = error};
}

static uint8_t *put_bytes(uint8_t *at, const void *bytes, size_t count)
{
    memcpy(at, bytes, count);
    return at + count;
}

static uint8_t cause_of(start_cause_t start)
{
    switch (start) {
    case START_POWER_ON:
        return RESET_POWER_ON;
    case START_REQUEST:
        return RESET_REQUEST;
    case START_FAULT:
        return RESET_FAULT;
    case START_WATCHDOG:
        return RESET_WATCHDOG;
    case START_STACK:
        return RESET_STACK;
    }
    return RESET_POWER_ON; /* not reached */
}

static result_t hello(void)
{
    const start_record_t start = supervisor_last_start();
    hello_reply_t message = {
        .version = PROTOCOL_VERSION,
        .major = MAJOR,
        .minor = MINOR,
        .patch = PATCH,
        .input_bytes = NETWORK_INPUT_SIZE,
        .outputs = NETWORK_OUTPUTS,
        .logit_shift = NETWORK_OUTPUT_SHIFT,
        .sensor = (uint8_t)sensor_kind(),
        .runs = fer_edge_network_hash.runs,
        .stack_bytes = supervisor_stack_used(),
        .reset_cause = cause_of(start.cause),
        .pc = start.pc,
        .lr = start.lr,
        .cfsr = start.cfsr,
        .hfsr = start.hfsr,
        .fault_address = start.address,
    };
    memcpy(message.network_hash, fer_edge_network_hash.hash, sizeof message.network_hash);
    return done(put_bytes(put_bytes(payload, &message, sizeof message), NAMES, sizeof NAMES - 1u));
}

static result_t infer(const uint8_t *pixels)
{
    memcpy(input_image, pixels, NETWORK_INPUT_SIZE);
    input_complete = true;
    input_load();
    if (!input_infer(false)) {
        return failed(ERROR_CNN_TIMEOUT);
    }
    uint8_t *at = payload + sizeof(infer_reply_t);
    for (size_t i = 0; i < NETWORK_OUTPUTS; i++) {
        at = put_u32(at, (uint32_t)inference_logit(i));
    }
    const infer_reply_t message = {inference_cycles(), inference_microseconds(), inference_class()};
    put_bytes(payload, &message, sizeof message);
    return done(at);
}

/* Whole inferences, input and outputs included, as INFER does them. A byte on the line ends a run that somebody no
 * longer wants to wait for; the reply tells how many were run. */
static result_t repeat(uint32_t times)
{
    if (!input_complete) {
        return failed(ERROR_NO_INPUT);
    }
    const uint64_t start = timer_now();
    uint32_t run = 0;
    for (; run < times && !uart_has_data(); run++) {
        watchdog_feed();
        (void)timer_now(); /* a run may outlast the timer */
        input_load();
        if (!input_infer(false)) {
            return failed(ERROR_CNN_TIMEOUT);
        }
        for (size_t i = 0; i < NETWORK_OUTPUTS; i++) {
            (void)inference_logit(i);
        }
    }
    const repeat_reply_t message = {run, (uint32_t)((timer_now() - start) / TIMER_TICKS_PER_US)};
    return done(put_bytes(payload, &message, sizeof message));
}

static result_t selftest(void)
{
    inference_load_sample();
    if (!inference_run(false)) {
        return failed(ERROR_CNN_TIMEOUT);
    }
    const inference_mismatch_t mismatch = inference_check_sample();
    const selftest_reply_t message = {
        .differing = mismatch.words,
        .address = mismatch.address,
        .expected = mismatch.expected,
        .found = mismatch.found,
        .cycles = inference_cycles(),
    };
    return done(put_bytes(payload, &message, sizeof message));
}

static result_t window(const window_request_t *request)
{
    window_reply_t message;
    const error_t error = window_run(request, &message);
    return error == NO_ERROR ? done(put_bytes(payload, &message, sizeof message)) : failed(error);
}

/* For the host to find the first layer that goes wrong: the input again, with fewer layers, then their output. */
static result_t probe(const probe_request_t *request)
{
    if (!input_complete) {
        return failed(ERROR_NO_INPUT);
    }
    if (request->last_layer > accelerator_last_layer() || request->words > PROTOCOL_PROBE_WORDS
        || !accelerator_has_words(request->address, request->words)) {
        return failed(ERROR_BAD_VALUE);
    }
    input_load();
    if (!inference_run_to(request->last_layer)) {
        return failed(ERROR_CNN_TIMEOUT);
    }
    uint8_t *at = payload;
    const volatile uint32_t *const word = (const volatile uint32_t *)(uintptr_t)request->address;
    for (size_t i = 0; i < request->words; i++) {
        at = put_u32(at, word[i]);
    }
    return done(at);
}

static result_t duty_cycle(const duty_cycle_request_t *request)
{
    duty_cycle_reply_t message;
    const error_t error = duty_run(request, &message);
    return error == NO_ERROR ? done(put_bytes(payload, &message, sizeof message)) : failed(error);
}

static result_t start_camera(void)
{
    const error_t error = camera_start();
    return error == NO_ERROR ? done(payload) : failed(error);
}

static result_t stop_camera(void)
{
    camera_stop();
    return done(payload);
}

static result_t move_window(const camera_window_request_t *request)
{
    const picture_window_t window = {request->row, request->column, request->side};
    return camera_set_window(window) ? done(payload) : failed(ERROR_BAD_VALUE);
}

/* The reply stands in the camera's own frame, where its pictures are. */
static result_t camera_answer(uint8_t detail)
{
    const error_t error = detail > CAMERA_PREVIEW ? ERROR_BAD_VALUE : camera_next((camera_detail_t)detail);
    return (result_t){camera_frame_length(), error, camera_frame()};
}

static void switch_rate(void)
{
    line_switch(next_rate);
}

static void restart(void)
{
    uart_drain();
    supervisor_restart(START_REQUEST);
}

static result_t reset(void)
{
    afterwards = restart;
    return done(payload);
}

static result_t baud(uint32_t wanted)
{
    const uint32_t nearest = uart_nearest_rate(wanted);
    const uint32_t error = nearest > wanted ? nearest - wanted : wanted - nearest;
    if (nearest == 0 || error > wanted / 50u) { /* 2 %: what a receiver bears */
        return failed(ERROR_BAD_VALUE);
    }
    next_rate = nearest;
    afterwards = switch_rate;
    const baud_reply_t message = {nearest};
    return done(put_bytes(payload, &message, sizeof message));
}

/* A request of one message. */
#define REQUEST(type, name) \
    type name; \
    if (request->length != sizeof name) { \
        return failed(ERROR_BAD_LENGTH); \
    } \
    memcpy(&name, request->payload, sizeof name)

static result_t execute(const frame_t *request)
{
    const bool empty = request->length == 0;
    switch (request->command) {
    case COMMAND_HELLO:
        return empty ? hello() : failed(ERROR_BAD_LENGTH);
    case COMMAND_INFER:
        return request->length == NETWORK_INPUT_SIZE ? infer(request->payload) : failed(ERROR_BAD_LENGTH);
    case COMMAND_REPEAT: {
        REQUEST(repeat_request_t, wanted);
        return repeat(wanted.count);
    }
    case COMMAND_SELFTEST:
        return empty ? selftest() : failed(ERROR_BAD_LENGTH);
    case COMMAND_WINDOW: {
        REQUEST(window_request_t, wanted);
        return window(&wanted);
    }
    case COMMAND_PROBE: {
        REQUEST(probe_request_t, wanted);
        return probe(&wanted);
    }
    case COMMAND_CAMERA_START:
        return empty ? start_camera() : failed(ERROR_BAD_LENGTH);
    case COMMAND_CAMERA_STOP:
        return empty ? stop_camera() : failed(ERROR_BAD_LENGTH);
    case COMMAND_CAMERA_WINDOW: {
        REQUEST(camera_window_request_t, wanted);
        return move_window(&wanted);
    }
    case COMMAND_CAMERA_FRAME: {
        REQUEST(camera_frame_request_t, wanted);
        return camera_answer(wanted.detail);
    }
    case COMMAND_DUTY_CYCLE: {
        REQUEST(duty_cycle_request_t, wanted);
        return duty_cycle(&wanted);
    }
    case COMMAND_RESET:
        return empty ? reset() : failed(ERROR_BAD_LENGTH);
    case COMMAND_BAUD: {
        REQUEST(baud_request_t, wanted);
        return baud(wanted.rate);
    }
    default:
        return failed(ERROR_UNKNOWN_COMMAND);
    }
}

void commands_answer(frame_status_t status, const frame_t *frame)
{
    if (frame->command & PROTOCOL_REPLY) {
        return;
    }
    result_t result;
    afterwards = NULL;
    if (status == FRAME_COMPLETE) {
        result = execute(frame);
    } else {
        result = failed(status == FRAME_TOO_LONG ? ERROR_BAD_LENGTH : ERROR_BAD_CRC);
    }
    uint8_t command = frame->command | PROTOCOL_REPLY;
    if (result.error != NO_ERROR) {
        const error_reply_t message = {frame->command, (uint8_t)result.error};
        result = done(put_bytes(payload, &message, sizeof message));
        command = REPLY_ERROR;
    }
    uart_write(result.frame, frame_seal(result.frame, command, frame->sequence, result.length));
    if (afterwards != NULL) {
        afterwards();
    }
}
