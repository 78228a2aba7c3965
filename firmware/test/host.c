/* The portable sources of the firmware as a program for the host, all of src/ but main.c, unchanged, over a hardware
 * that exists only here. Driven by tests/firmware/firmware_host.py through stdin and stdout:
 *
 *   request: operation u8, length u32, data        answer: length u32, data
 *
 *   d  bytes received      -> per frame found: status u8, command u8, sequence u8, length u32, payload if complete
 *   q  the line is silent  -> the same
 *   M                      -> u32: bytes missing for anything new
 *   a  bytes received      -> bytes sent
 *   s  the line is silent  -> the same
 *   e  command, sequence, payload -> the frame
 *   w  address u32, words  -> written to memory
 *   m  address u32, count u32 -> the words
 *   h  u8: 1 = the accelerator does not finish    l  u8: 1 = bytes wait on the line
 *   z  -> the decoder of d and q as after reset
 *   p  bytes               -> put into a ring: how many fitted, u32
 *   g  count u32           -> taken out of it
 *   t  milliseconds u32    -> time passes
 *   r  -> the baud rate in use
 *   f  -> falling edges of P0.19, u32
 *   O  u8: 1 = the wake-up timer's oscillator does not run
 *   D  -> the last mode of deep sleep u32, 0 if none since, the system's clock in Hz u32, u8: 1 = it does not listen
 *   k  -> how often the weights have been loaded, u32
 *   n  -> the last layer of the last run, and of the next, u32 each
 *   y  bytes Y U Y V       -> their luma
 *   x  row u8, column u8, side u8, side of the result u8, a picture -> the window, scaled
 *   c  pixels              -> with their contrast normalized
 *   o  u8: what is wrong with the camera, a number of camera_fault_t
 *   v  bytes Y U Y V       -> what the camera sees from now on
 *   b  count u32           -> so many frames pass while the program is busy, or the time they would take
 *   u  -> once round the main loop: bytes sent
 *   j  u8: 1 = SW1 is pressed
 *   C  -> supply of the camera u8, its window's registers: width u16, height u16; LEDs lit u8, their brightness u8
 *   i  register u8, value u16: of an INA226 at 0x41, whose configuration (0) makes it appear; none: it is gone
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "bytes.h"
#include "camera.h"
#include "console.h"
#include "frame.h"
#include "hal.h"
#include "inference.h"
#include "mxc.h"
#include "picture.h"
#include "ring.h"
#include "standalone.h"

#include "cnn.h"

#define DATA_BEGIN 0x50400000u /* data memory of all quadrants, mapped where the accelerator has it */
#define DATA_END 0x51020000u
#define ROOM (1u << 20)

volatile uint32_t cnn_time;

static frame_decoder_t decoder;
static ring_t ring;
static uint8_t answer[ROOM];
static size_t answer_length;
static uint64_t ticks, alarm_at;
static uint32_t stopwatch_start, stopwatch_ticks, baud_rate, looks;
static bool alarm_expired = true, hanging, line_busy, running, held, interrupt_pending;

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

static uint32_t weight_loads;
static bool weights_kept, gated;
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
    weight_loads++;
    return configured == 5 ? CNN_OK : step(3);
}

int cnn_load_bias(void)
{
    if (weights_kept && configured == 2) {
        configured = 3;
    }
    return step(4);
}

int cnn_configure(void)
{
    return step(5);
}

int cnn_disable(void)
{
    configured = 0;
    running = weights_kept = gated = false;
    return CNN_OK;
}

void accelerator_retain(void)
{
    check(!running, "the accelerator loses its power while it computes");
    (void)cnn_disable();
    weights_kept = true;
}

void clock_enable(uint32_t peripherals)
{
    gated &= !(peripherals & MXC_F_GCR_PCLKDIS0_CNN);
}

void clock_disable(uint32_t peripherals)
{
    check(!running, "the accelerator loses its clock while it computes");
    gated |= (peripherals & MXC_F_GCR_PCLKDIS0_CNN) != 0;
}

static uint32_t last_layer = 3, last_layer_run;

uint32_t accelerator_last_layer(void)
{
    return last_layer;
}

void accelerator_set_last_layer(uint32_t layer)
{
    last_layer = layer;
}

bool accelerator_has_words(uint32_t address, uint32_t count)
{
    return address >= DATA_BEGIN && address % 4u == 0 && count <= (DATA_END - address) / 4u;
}

int cnn_start(void)
{
    check(configured == 5 && !running && !gated, "the accelerator is started when it cannot run");
    last_layer_run = last_layer;
    running = true;
    timer_start_stopwatch();
    return CNN_OK;
}

/* --- the camera and its supply: each step fails when one before it has been left out --- */

#define PMIC_ADDRESS 0x28u
#define FRAME_TICKS (TIMER_HZ / 20u)
#define XCLK_TICKS (TIMER_HZ / 7u)
#define PRODUCT_AND_MAKER {{0x0a, 0x76}, {0x0b, 0x92}, {0x1c, 0x7f}, {0x1d, 0xa2}}

typedef enum {
    FINE,
    NO_PMIC,
    OTHER_PMIC,
    PMIC_REFUSES,
    CLOCK_DEAD,
    CLOCK_ENDLESS, /* the start-up pause never ends */
    SENSOR_DEAD,
    SENSOR_OTHER,
    SENSOR_STUCK, /* its reset never ends */
    NO_PICTURES,
    SHORT_PICTURES,
    OVERFLOWS,
    CLOCK_STOPS, /* when pictures come */
} camera_fault_t;

static camera_fault_t wrong;
static uint8_t pmic[256], camera[256];
static bool supplied, clock_runs_on, capturing, picture_complete, picture_taken;
static uint64_t clock_ends;
static uint8_t seen[CAPTURE_BYTES];
static capture_state_t capture;

static bool pmic_answers(void)
{
    return wrong != NO_PMIC;
}

static bool pmic_write(const uint8_t *data, size_t count)
{
    memcpy(pmic + data[0], data + 1, count - 1);
    if (data[0] == 0x17) { /* opcode */
        pmic[0x18] = wrong == PMIC_REFUSES ? 0 : data[1];
        supplied = pmic_answers() && pmic[0x0f] == 0x01 && pmic[0x10] == 0x13 && data[1] == 0x42;
    }
    return pmic_answers();
}

bool xclk_start(void)
{
    clock_runs_on = false;
    clock_ends = wrong == CLOCK_ENDLESS ? UINT64_MAX : ticks + XCLK_TICKS;
    return wrong != CLOCK_DEAD;
}

bool xclk_runs(void)
{
    return wrong != CLOCK_DEAD && !(wrong == CLOCK_STOPS && capturing) && (clock_runs_on || ticks < clock_ends);
}

void xclk_run_on(void)
{
    check(ticks >= clock_ends, "the camera got no time to start up");
    clock_runs_on = true;
}

void xclk_stop(void)
{
    clock_runs_on = false;
    clock_ends = 0;
}

void sccb_init(void)
{
    static const uint8_t numbers[][2] = PRODUCT_AND_MAKER;
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) {
        camera[numbers[i][0]] = numbers[i][1];
    }
    if (wrong == SENSOR_OTHER) {
        camera[0x0b] = 0x91;
    }
}

static bool camera_answers(uint8_t address)
{
    ticks += 10000;
    return address == 0x3c && supplied && clock_runs_on && wrong != SENSOR_DEAD;
}

bool sccb_write(uint8_t address, uint8_t number, uint8_t value)
{
    camera[number] = number == 0x12 && value == 0x80 && wrong != SENSOR_STUCK ? 0 : value;
    return camera_answers(address);
}

bool sccb_read(uint8_t address, uint8_t number, uint8_t *value)
{
    *value = camera[number];
    return camera_answers(address);
}

static bool frames_come(void)
{
    return capturing && supplied && xclk_runs() && wrong != NO_PICTURES;
}

static void pass_frame(void)
{
    ticks += FRAME_TICKS;
    capture.frames++;
    if (wrong == SHORT_PICTURES || wrong == OVERFLOWS) {
        capture.broken++;
        capture.overflowed = wrong == OVERFLOWS;
        return;
    }
    capture.good_ticks = (uint32_t)ticks;
    capture.number = capture.frames;
    capture.ticks = FRAME_TICKS;
    picture_complete = true;
}

bool capture_start(void)
{
    check(clock_runs_on && camera[0x12] == 0 && camera[0xcd] == 96, "the camera is not ready for pictures");
    capturing = true;
    picture_complete = picture_taken = false;
    capture = (capture_state_t){.good_ticks = (uint32_t)ticks};
    return true;
}

void capture_stop(void)
{
    capturing = picture_complete = false;
}

bool capture_is_complete(void)
{
    return picture_complete;
}

const uint8_t *capture_take(capture_state_t *at)
{
    check(!picture_taken, "a picture has not been released");
    *at = capture;
    picture_taken = picture_complete;
    picture_complete = false;
    return picture_taken ? seen : NULL;
}

void capture_release(void)
{
    picture_taken = false;
}

capture_state_t capture_state(void)
{
    return capture;
}

static bool button;

bool gpio_button_pressed(void)
{
    return button;
}

/* --- hal.h --- */

void cpu_hold_interrupts(void)
{
    held = true;
    looks = 0;
}

void cpu_wait_for_interrupt(void)
{
    check(held, "asleep without holding interrupts: one may come between test and sleep");
    if (running && !hanging) {
        ticks += 1000;
    } else if (!running && frames_come() && ticks + FRAME_TICKS < alarm_at) {
        pass_frame();
        return;
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

void uart_expect(size_t bytes)
{
    (void)bytes;
}

void uart_write(const uint8_t *data, size_t length)
{
    append(data, length);
}

size_t uart_read(uint8_t *data, size_t room)
{
    (void)data;
    (void)room;
    return 0;
}

uint32_t uart_nearest_rate(uint32_t rate)
{
    return rate == 0 || rate > 1000000u ? 0 : IBRO_HZ / ((IBRO_HZ + rate / 2u) / rate);
}

bool uart_set_rate(uint32_t rate)
{
    baud_rate = rate;
    return true;
}

void uart_drain(void)
{
}

uint32_t timer_ticks(void)
{
    ticks++; /* looking takes time: whoever only looks gets on */
    return (uint32_t)ticks;
}

void timer_wait(uint32_t ticks_to_wait)
{
    ticks += ticks_to_wait;
}

uint64_t timer_now(void)
{
    ticks++;
    return ticks;
}

void timer_start_stopwatch(void)
{
    stopwatch_start = (uint32_t)ticks;
}

uint32_t timer_stop_stopwatch(void)
{
    stopwatch_ticks = (uint32_t)ticks - stopwatch_start;
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
    alarm_expired = true;
}

bool timer_alarm_expired(void)
{
    if (!held && running && !hanging && looks++ > 0) { /* looked at twice in a row: by who waits awake */
        ticks += 1000;
        running = false;
        cnn_time = timer_stop_stopwatch();
    }
    return alarm_expired;
}

void timer_set(uint32_t now)
{
    ticks += (uint32_t)(now - (uint32_t)ticks);
}

/* --- clocks and power modes; a tick is a tick at either clock --- */

static uint32_t system_hz = IPO_HZ, deepest;
static bool deaf, no_oscillator;

bool clock_select(uint32_t hz)
{
    system_hz = hz;
    return true;
}

uint32_t clock_pclk_hz(void)
{
    return system_hz / PCLK_DIVIDER;
}

bool power_ready(void)
{
    return !no_oscillator;
}

void power_sleep(uint32_t mode, uint32_t counts)
{
    check(deaf, "deep asleep while it listens");
    check(mode == PM_LPM || gated || configured == 0, "the accelerator is left on in a mode that takes its power");
    deepest = mode;
    ticks += (uint64_t)counts * clock_pclk_hz() / ERTCO_HZ;
}

void uart_listen(bool on)
{
    deaf = !on;
}

void watchdog_feed(void)
{
}

void gpio_configure(const mxc_gpio_cfg_t *pins)
{
    (void)pins;
}

start_record_t supervisor_last_start(void)
{
    return (start_record_t){START_FAULT, 1, 2, 3, 4, 5};
}

uint32_t supervisor_stack_used(void)
{
    return 1234;
}

void supervisor_restart(start_cause_t cause)
{
    check(cause == START_REQUEST, "a reset nobody asked for");
    exit(0);
}

static bool timestamp_high;
static uint32_t falling_edges;

void gpio_set(const mxc_gpio_cfg_t *pins)
{
    timestamp_high |= pins->port == MXC_GPIO0 && pins->mask == 1u << 19;
}

void gpio_clear(const mxc_gpio_cfg_t *pins)
{
    if (pins->port == MXC_GPIO0 && pins->mask == 1u << 19) {
        falling_edges += timestamp_high;
        timestamp_high = false;
    }
}

void gpio_set_led(led_t led, bool lit)
{
    (void)led;
    (void)lit;
}

static uint32_t leds_lit, brightness;

void light_show(uint32_t which, uint32_t percent)
{
    leds_lit = percent > 0 ? which : 0;
    brightness = percent;
}

static bool sensor_there;
static uint16_t sensor_registers[256];
static uint8_t sensor_pointer;
static uint32_t i2c_rate = I2C_RATE_HZ;

bool i2c_init(void)
{
    return true;
}

void i2c_set_rate(uint32_t hz)
{
    i2c_rate = hz;
}

static bool sensor_addressed(uint8_t address)
{
    return sensor_there && address == 0x41 && i2c_rate == I2C_RATE_HZ;
}

bool i2c_write(uint8_t address, const uint8_t *data, size_t count)
{
    ticks += 500;
    if (address == PMIC_ADDRESS) {
        return pmic_write(data, count);
    }
    if (!sensor_addressed(address)) {
        return false;
    }
    sensor_pointer = data[0];
    if (count == 3) {
        sensor_registers[sensor_pointer] = (uint16_t)(data[1] << 8 | data[2]);
    }
    return true;
}

bool i2c_read(uint8_t address, uint8_t *data, size_t count)
{
    ticks += 500;
    if (!sensor_addressed(address) || count != 2) {
        return false;
    }
    data[0] = (uint8_t)(sensor_registers[sensor_pointer] >> 8);
    data[1] = (uint8_t)sensor_registers[sensor_pointer];
    return true;
}

bool i2c_read_register(uint8_t address, uint8_t number, uint8_t *data, size_t count)
{
    check(address == PMIC_ADDRESS && count == 1, "only the power supply chip is read like this");
    pmic[0] = wrong == OTHER_PMIC ? 0x03 : 0x02;
    *data = pmic[number];
    return pmic_answers();
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

static void drain(frame_status_t (*next)(frame_decoder_t *, frame_t *))
{
    frame_t frame;
    frame_status_t status;
    while ((status = next(&decoder, &frame)) != FRAME_NONE) {
        if (status != FRAME_OUTSIDE) {
            report(status, &frame);
        }
    }
}

static void receive(const uint8_t *data, size_t length)
{
    while (length > 0) {
        const size_t taken = frame_feed(&decoder, data, length);
        check(taken >= (length < FRAME_CHUNK ? length : FRAME_CHUNK), "the decoder refused bytes");
        data += taken;
        length -= taken;
        drain(frame_next);
    }
}

static void append_u32(uint32_t value)
{
    uint8_t bytes[4];
    put_u32(bytes, value);
    append(bytes, sizeof bytes);
}

static void put_into_ring(const uint8_t *data, uint32_t length)
{
    uint32_t fitted = 0;
    while (fitted < length && ring_put(&ring, data[fitted])) {
        fitted++;
    }
    append_u32(fitted);
}

static void operate(uint8_t operation, const uint8_t *data, uint32_t length)
{
    switch (operation) {
    case 'd':
        receive(data, length);
        break;
    case 'q':
        drain(frame_next_after_silence);
        break;
    case 'M':
        append_u32((uint32_t)frame_missing(&decoder));
        break;
    case 'a':
        console_receive(data, length);
        break;
    case 's':
        ticks += TIMER_HZ;
        console_check_silence();
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
    case 'p':
        put_into_ring(data, length);
        break;
    case 'g':
        answer_length = ring_get(&ring, answer, get_u32(data));
        check(ring_is_empty(&ring) == (ring.written == ring.read), "the ring does not know whether it is empty");
        break;
    case 't':
        ticks += (uint64_t)get_u32(data) * (TIMER_HZ / 1000u);
        console_check_silence();
        break;
    case 'o':
        wrong = (camera_fault_t)data[0];
        break;
    case 'v':
        memcpy(seen, data, sizeof seen);
        break;
    case 'b':
        for (uint32_t count = get_u32(data); count > 0; count--) {
            if (frames_come()) {
                pass_frame();
            } else {
                ticks += FRAME_TICKS;
            }
        }
        break;
    case 'u':
        standalone_run(camera_run());
        console_check_silence();
        break;
    case 'j':
        button = data[0];
        break;
    case 'C': {
        const uint8_t state[] = {supplied, camera[0xcd], camera[0xcc], camera[0xcf], camera[0xce],
                                 (uint8_t)leds_lit, (uint8_t)brightness};
        append(state, sizeof state);
        break;
    }
    case 'y':
        answer_length = length / 2u;
        picture_luma(data, answer, length / 2u);
        break;
    case 'x':
        answer_length = (size_t)data[3] * data[3];
        picture_scale(data + 4, (picture_window_t){data[0], data[1], data[2]}, answer, data[3]);
        break;
    case 'c':
        append(data, length);
        picture_normalize(answer, length);
        break;
    case 'i':
        sensor_there = length == 3;
        if (sensor_there) {
            sensor_registers[data[0]] = get_u16(data + 1);
        }
        break;
    case 'f':
        append_u32(falling_edges);
        break;
    case 'O':
        no_oscillator = data[0];
        break;
    case 'D': {
        const uint8_t not_listening = deaf;
        append_u32(deepest);
        deepest = 0;
        append_u32(system_hz);
        append(&not_listening, 1);
        break;
    }
    case 'k':
        append_u32(weight_loads);
        break;
    case 'n':
        append_u32(last_layer_run);
        append_u32(last_layer);
        break;
    case 'r':
        append_u32(baud_rate);
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
    baud_rate = PROTOCOL_BAUD_RATE;
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
