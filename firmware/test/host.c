/* The portable sources of the firmware as a program for the host: frame.c, commands.c and inference.c unchanged, over
 * a hardware that exists only here. Driven by tests/firmware/firmware_host.py through stdin and stdout:
 *
 *   request: operation u8, length u32, data        answer: length u32, data
 *
 *   d  bytes received      -> per frame found: status u8, command u8, sequence u8, length u32, payload if complete
 *   q  the line is silent  -> the same
 *   a  bytes received      -> bytes sent by commands_answer()
 *   s  the line is silent  -> the same
 *   e  command, sequence, payload -> the frame
 *   w  address u32, words  -> written to memory
 *   m  address u32, count u32 -> the words
 *   h  u8: 1 = the accelerator does not finish    l  u8: 1 = bytes wait on the line
 *   z  -> decoder as after reset
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "bytes.h"
#include "commands.h"
#include "hal.h"
#include "inference.h"
#include "mxc.h"

#include "cnn.h"

#define DATA_BEGIN 0x50400000u /* data memory of all quadrants, mapped where the accelerator has it */
#define DATA_END 0x51020000u
#define ROOM (1u << 20)

volatile uint32_t cnn_time;

static frame_decoder_t decoder;
static uint8_t answer[ROOM];
static size_t answer_length;
static uint32_t ticks, alarm_at, stopwatch_start, stopwatch_ticks;
static bool alarm_expired, hanging, line_busy, running, held, interrupt_pending;

static void check(bool condition, const char *what)
{
    if (!condition) {
        fprintf(stderr, "host.c: %s\n", what);
        exit(2);
    }
}

static void append(const uint8_t *data, size_t length)
{
    check(length <= ROOM - answer_length, "answer too long");
    memcpy(answer + answer_length, data, length);
    answer_length += length;
}

/* --- the accelerator: takes 1,000 cycles and computes nothing; tests put the outputs into memory --- */

static int configured; /* steps of set-up done in their order */

static int step(int number)
{
    check(configured == number - 1, "the accelerator is set up in the wrong order");
    configured = number;
    return CNN_OK;
}

int cnn_enable(uint32_t clock_source, uint32_t clock_divider)
{
    check(clock_source == 0 && clock_divider == 4u << 14, "the accelerator's clock must be PCLK / 1");
    return step(1);
}

int cnn_init(void)
{
    return step(2);
}

int cnn_load_weights(void)
{
    return step(3);
}

int cnn_load_bias(void)
{
    return step(4);
}

int cnn_configure(void)
{
    return step(5);
}

int cnn_disable(void)
{
    configured = 0;
    running = false;
    return CNN_OK;
}

int cnn_start(void)
{
    check(configured == 5 && !running, "the accelerator is started when it cannot run");
    running = true;
    timer_start_stopwatch();
    return CNN_OK;
}

/* --- hal.h --- */

void cpu_hold_interrupts(void)
{
    held = true;
}

void cpu_wait_for_interrupt(void)
{
    check(held, "asleep without holding interrupts: one may come between test and sleep");
    if (running && !hanging) {
        ticks += 1000;
    } else {
        ticks = alarm_at;
    }
    interrupt_pending = true;
}

void cpu_release_interrupts(void)
{
    held = false;
    if (!interrupt_pending) {
        return;
    }
    interrupt_pending = false;
    if (running && !hanging) {
        running = false;
        cnn_time = timer_stop_stopwatch();
    } else {
        alarm_expired = true;
    }
}

bool uart_has_data(void)
{
    return line_busy;
}

void uart_write(const uint8_t *data, size_t length)
{
    append(data, length);
}

uint32_t timer_ticks(void)
{
    return ticks;
}

void timer_start_stopwatch(void)
{
    stopwatch_start = ticks;
}

uint32_t timer_stop_stopwatch(void)
{
    stopwatch_ticks = ticks - stopwatch_start;
    return stopwatch_ticks / TIMER_TICKS_PER_US;
}

uint32_t timer_stopwatch_ticks(void)
{
    return stopwatch_ticks;
}

void timer_set_alarm(uint32_t after)
{
    alarm_expired = false;
    alarm_at = ticks + after;
}

void timer_cancel_alarm(void)
{
}

bool timer_alarm_expired(void)
{
    return alarm_expired;
}

/* --- operations --- */

static void report(frame_status_t status, const frame_t *frame)
{
    uint8_t head[7] = {(uint8_t)status, frame->command, frame->sequence};
    const uint32_t length = status == FRAME_COMPLETE ? frame->length : 0;
    put_u32(head + 3, length);
    append(head, sizeof head);
    append(frame->payload, length);
}

static void drain(frame_status_t (*next)(frame_decoder_t *, frame_t *), void (*use)(frame_status_t, const frame_t *))
{
    frame_t frame;
    frame_status_t status;
    while ((status = next(&decoder, &frame)) != FRAME_NONE) {
        use(status, &frame);
    }
}

static void receive(const uint8_t *data, size_t length, void (*use)(frame_status_t, const frame_t *))
{
    while (length > 0) {
        const size_t taken = frame_feed(&decoder, data, length);
        check(taken >= (length < FRAME_CHUNK ? length : FRAME_CHUNK), "the decoder refused bytes");
        data += taken;
        length -= taken;
        drain(frame_next, use);
    }
}

static void operate(uint8_t operation, const uint8_t *data, uint32_t length)
{
    switch (operation) {
    case 'd':
        receive(data, length, report);
        break;
    case 'q':
        drain(frame_next_after_silence, report);
        break;
    case 'a':
        receive(data, length, commands_answer);
        break;
    case 's':
        drain(frame_next_after_silence, commands_answer);
        break;
    case 'e':
        memcpy(answer + FRAME_PAYLOAD_OFFSET, data + 2, length - 2);
        answer_length = frame_seal(answer, data[0], data[1], (uint16_t)(length - 2));
        break;
    case 'w':
        memcpy((void *)(uintptr_t)get_u32(data), data + 4, length - 4);
        break;
    case 'm':
        append((const uint8_t *)(uintptr_t)get_u32(data), 4u * get_u32(data + 4));
        break;
    case 'h':
        hanging = data[0];
        break;
    case 'l':
        line_busy = data[0];
        break;
    case 'z':
        memset(&decoder, 0, sizeof decoder);
        break;
    default:
        check(false, "unknown operation");
    }
}

int main(void)
{
    void *data_memory = mmap((void *)(uintptr_t)DATA_BEGIN, DATA_END - DATA_BEGIN, PROT_READ | PROT_WRITE,
                             MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0);
    check(data_memory == (void *)(uintptr_t)DATA_BEGIN, "the accelerator's addresses are taken");
    check(inference_init(), "inference_init() failed");
    uint8_t head[5];
    while (fread(head, 1, sizeof head, stdin) == sizeof head) {
        const uint32_t length = get_u32(head + 1);
        uint8_t *data = malloc(length); /* of the exact size, so that the sanitizer sees every step beyond */
        check(fread(data, 1, length, stdin) == length, "request cut short");
        answer_length = 0;
        operate(head[0], data, length);
        free(data);
        put_u32(head, (uint32_t)answer_length);
        fwrite(head, 1, 4, stdout);
        fwrite(answer, 1, answer_length, stdout);
        fflush(stdout);
    }
    return 0;
}
