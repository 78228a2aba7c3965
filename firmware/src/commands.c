#include "commands.h"

#include <string.h>

#include "bytes.h"
#include "hal.h"
#include "inference.h"
#include "input.h"
#include "line.h"
#include "network.h"
#include "sensor.h"
#include "window.h"

#define VERSION {0, 1, 0} /* of this firmware */

#define MAX(a, b) ((a) > (b) ? (a) : (b))
#define NAMES NETWORK_NAME NETWORK_CLASSES
#define HELLO_BYTES (PROTOCOL_HELLO_REPLY_BYTES + sizeof NAMES - 1u)
#define INFER_BYTES (PROTOCOL_INFER_REPLY_BYTES + 4u * NETWORK_OUTPUTS)
#define PROBE_BYTES (4u * PROTOCOL_PROBE_WORDS) /* more than a window's */
#define REPLY_BYTES MAX(MAX(HELLO_BYTES, INFER_BYTES), PROBE_BYTES)

_Static_assert(NETWORK_INPUT_SIZE <= PROTOCOL_MAX_PAYLOAD, "the network's input does not fit a frame");
_Static_assert(REPLY_BYTES <= PROTOCOL_MAX_PAYLOAD, "the network's outputs do not fit a frame");

/* In a section of its own, so that the host can tell from the ELF file which network is inside. */
__attribute__((section(".network_hash"))) const uint8_t fer_edge_network_hash[PROTOCOL_HASH_BYTES] = NETWORK_HASH;

static uint8_t reply[REPLY_BYTES + PROTOCOL_OVERHEAD];
static uint8_t *const payload = reply + FRAME_PAYLOAD_OFFSET;
static void (*afterwards)(void); /* what remains to do when the reply is out */
static uint32_t next_rate;

/* The length of the reply's payload, or why there is none. */
typedef struct {
    uint16_t length;
    error_t error;
} result_t;

static result_t done(const uint8_t *payload_end)
{
    return (result_t){(uint16_t)(payload_end - payload), NO_ERROR};
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

static result_t hello(void)
{
    static const uint8_t versions[] = VERSION;
    uint8_t *at = payload;
    *at++ = PROTOCOL_VERSION;
    at = put_bytes(at, versions, sizeof versions);
    at = put_bytes(at, fer_edge_network_hash, sizeof fer_edge_network_hash);
    at = put_u32(at, NETWORK_INPUT_SIZE);
    at = put_u16(at, NETWORK_OUTPUTS);
    *at++ = NETWORK_OUTPUT_SHIFT;
    *at++ = (uint8_t)sensor_kind();
    at = put_u32(at, supervisor_stack_used());
    const reset_record_t reset = supervisor_last_reset();
    *at++ = (uint8_t)reset.cause;
    at = put_u32(put_u32(at, reset.pc), reset.lr);
    at = put_u32(put_u32(put_u32(at, reset.cfsr), reset.hfsr), reset.address);
    return done(put_bytes(at, NAMES, sizeof NAMES - 1u));
}

static result_t infer(const uint8_t *pixels)
{
    memcpy(input_image, pixels, NETWORK_INPUT_SIZE);
    input_complete = true;
    input_load();
    if (!inference_run(false)) {
        return failed(ERROR_CNN_TIMEOUT);
    }
    uint8_t *at = payload + PROTOCOL_INFER_REPLY_BYTES;
    for (size_t i = 0; i < NETWORK_OUTPUTS; i++) {
        at = put_u32(at, (uint32_t)inference_logit(i));
    }
    put_u16(put_u32(put_u32(payload, inference_cycles()), inference_microseconds()), inference_class());
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
        if (!inference_run(false)) {
            return failed(ERROR_CNN_TIMEOUT);
        }
        for (size_t i = 0; i < NETWORK_OUTPUTS; i++) {
            (void)inference_logit(i);
        }
    }
    return done(put_u32(put_u32(payload, run), (uint32_t)((timer_now() - start) / TIMER_TICKS_PER_US)));
}

static result_t selftest(void)
{
    inference_load_sample();
    if (!inference_run(false)) {
        return failed(ERROR_CNN_TIMEOUT);
    }
    const inference_mismatch_t mismatch = inference_check_sample();
    uint8_t *at = put_u32(payload, mismatch.words);
    at = put_u32(at, mismatch.address);
    at = put_u32(at, mismatch.expected);
    at = put_u32(at, mismatch.found);
    return done(put_u32(at, inference_cycles()));
}

static result_t window(const uint8_t *request)
{
    const error_t error = window_run(request, payload);
    return error == NO_ERROR ? done(payload + PROTOCOL_WINDOW_REPLY_BYTES) : failed(error);
}

/* For the host to find the first layer that goes wrong: the input again, with fewer layers, then their output. */
static result_t probe(uint32_t last_layer, uint32_t address, uint32_t words)
{
    if (!input_complete) {
        return failed(ERROR_NO_INPUT);
    }
    if (last_layer > accelerator_last_layer() || words > PROTOCOL_PROBE_WORDS
        || !accelerator_has_words(address, words)) {
        return failed(ERROR_BAD_VALUE);
    }
    input_load();
    if (!inference_run_to(last_layer)) {
        return failed(ERROR_CNN_TIMEOUT);
    }
    uint8_t *at = payload;
    for (const volatile uint32_t *word = (const volatile uint32_t *)(uintptr_t)address; words > 0; words--) {
        at = put_u32(at, *word++);
    }
    return done(at);
}

static void switch_rate(void)
{
    line_switch(next_rate);
}

static void restart(void)
{
    uart_drain();
    supervisor_reset(RESET_REQUEST);
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
    return done(put_u32(payload, nearest));
}

static result_t execute(const frame_t *request)
{
    const size_t length = request->length;
    const uint8_t *const data = request->payload;
    switch (request->command) {
    case COMMAND_HELLO:
        return length == 0 ? hello() : failed(ERROR_BAD_LENGTH);
    case COMMAND_INFER:
        return length == NETWORK_INPUT_SIZE ? infer(data) : failed(ERROR_BAD_LENGTH);
    case COMMAND_REPEAT:
        return length == PROTOCOL_REPEAT_REQUEST_BYTES ? repeat(get_u32(data)) : failed(ERROR_BAD_LENGTH);
    case COMMAND_SELFTEST:
        return length == 0 ? selftest() : failed(ERROR_BAD_LENGTH);
    case COMMAND_WINDOW:
        return length == PROTOCOL_WINDOW_REQUEST_BYTES ? window(data) : failed(ERROR_BAD_LENGTH);
    case COMMAND_PROBE:
        return length == PROTOCOL_PROBE_REQUEST_BYTES ? probe(data[0], get_u32(data + 1), get_u16(data + 5))
                                                      : failed(ERROR_BAD_LENGTH);
    case COMMAND_RESET:
        return length == 0 ? reset() : failed(ERROR_BAD_LENGTH);
    case COMMAND_BAUD:
        return length == PROTOCOL_BAUD_REQUEST_BYTES ? baud(get_u32(data)) : failed(ERROR_BAD_LENGTH);
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
        payload[0] = frame->command;
        payload[1] = (uint8_t)result.error;
        result.length = PROTOCOL_ERROR_REPLY_BYTES;
        command = REPLY_ERROR;
    }
    uart_write(reply, frame_seal(reply, command, frame->sequence, result.length));
    if (afterwards != NULL) {
        afterwards();
    }
}
