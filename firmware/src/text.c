#include "text.h"

#include <string.h>

#include "hal.h"
#include "inference.h"
#include "input.h"
#include "line.h"
#include "network.h"
#include "protocol.h"
#include "say.h"
#include "softmax.h"
#include "standalone.h"

#define TERMINATOR '%'
#define COMMAND_CHARACTERS 80u
#define DEFAULT_TIMES 1u
#define DEFAULT_WARMUP 10u
#define PRINTED_BYTES 8u /* of the buffer, a line */
#define ENERGY_BAUD_RATE 9600u
#define PULSE_TICKS (10u * TIMER_TICKS_PER_US) /* at least 1 us is asked for */

static const mxc_gpio_cfg_t timestamp_pin = {MXC_GPIO0, 1u << 19, MXC_GPIO_PAD_NONE, MXC_GPIO_FUNC_OUT}; /* P0.19 */

static char command[COMMAND_CHARACTERS + 1u];
static size_t length; /* beyond COMMAND_CHARACTERS: too long */
static uint8_t buffer[NETWORK_INPUT_SIZE]; /* pixels; an input once all are there, until when the last one stays */
static size_t expected, loaded;            /* bytes of it: announced, and there so far */
static bool garbled; /* since the last terminator: the rest of a damaged frame may hold terminators as well */
static bool energy_mode;

static void say_line(const char *before, uint64_t number, const char *after)
{
    say(before);
    say_number(number);
    say(after);
    say("\r\n");
}

static void fail(const char *reason)
{
    say("e-[");
    say(reason);
    say("]\r\n");
}

/* The first word of `*rest`, which then starts behind it; "" when there is none. */
static char *next_word(char **rest)
{
    char *word = *rest;
    while (*word == ' ') {
        word++;
    }
    char *end = word;
    while (*end != ' ' && *end != '\0') {
        end++;
    }
    *rest = *end == '\0' ? end : end + 1;
    *end = '\0';
    return word;
}

static bool parse_number(const char *word, uint32_t *number)
{
    uint64_t value = 0;
    if (*word == '\0') {
        return false;
    }
    for (; *word >= '0' && *word <= '9' && value <= UINT32_MAX; word++) {
        value = 10u * value + (uint64_t)(*word - '0');
    }
    *number = (uint32_t)value;
    return *word == '\0' && value <= UINT32_MAX;
}

static int hex_digit(char character)
{
    if (character >= '0' && character <= '9') {
        return character - '0';
    }
    character |= 0x20; /* lower case */
    return character >= 'a' && character <= 'f' ? character - 'a' + 10 : -1;
}

/* A lap: the time in performance mode; in energy mode the edge, on which the host takes its own. */
static uint64_t lap(void)
{
    if (energy_mode) {
        gpio_clear(&timestamp_pin);
        timer_wait(PULSE_TICKS);
        gpio_set(&timestamp_pin);
    }
    return timer_now();
}

static void say_lap(uint64_t ticks)
{
    if (!energy_mode) {
        say_line("m-lap-us-", ticks / TIMER_TICKS_PER_US, "");
    }
}

static void load(char *rest)
{
    uint32_t count;
    if (!parse_number(next_word(&rest), &count)) {
        fail("Command 'db load' requires the # of bytes");
    } else if (count != NETWORK_INPUT_SIZE) {
        say_line("e-[The network takes ", NETWORK_INPUT_SIZE, " bytes]");
    } else {
        expected = count;
        loaded = 0;
        say_line("m-[Expecting ", count, " bytes]");
    }
}

static void take_hex(const char *digits)
{
    const size_t count = strlen(digits);
    if (count % 2u != 0) {
        fail("Insufficent number of hex digits"); /* spelt as the reference does */
        return;
    }
    for (size_t i = 0; i < count; i += 2u) {
        const int high = hex_digit(digits[i]);
        const int low = hex_digit(digits[i + 1u]);
        if (high < 0 || low < 0) {
            fail("Invalid hex digit");
            return;
        }
        if (loaded >= expected) {
            return; /* what is too much is disregarded, as by the reference */
        }
        buffer[loaded++] = (uint8_t)(16 * high + low);
        if (loaded == expected) {
            input_from_pixels(buffer);
            say("m-load-done\r\n");
        }
    }
}

static void print_buffer(void)
{
    static const char digits[] = "0123456789abcdef";
    for (size_t i = 0; i < expected; i++) {
        watchdog_feed(); /* takes seconds at 9,600 baud */
        const char byte[] = {digits[buffer[i] >> 4], digits[buffer[i] & 15u], '\0'};
        say(i % PRINTED_BYTES == 0 ? "m-buffer-" : "-");
        say(byte);
        if (i % PRINTED_BYTES == PRINTED_BYTES - 1u || i == expected - 1u) {
            say("\r\n");
        }
    }
}

static void manage_buffer(char *rest)
{
    char *word = next_word(&rest);
    if (*word == '\0') {
        fail("Command 'db' requires a subcommand");
    } else if (strcmp(word, "load") == 0) {
        load(rest);
    } else if (strcmp(word, "print") == 0) {
        print_buffer();
    } else {
        take_hex(word);
    }
}

/* The runner divides by their sum: they have to be probabilities. */
static void say_results(void)
{
    uint16_t thousandths[NETWORK_OUTPUTS];
    softmax(thousandths);
    say("m-results-[");
    for (size_t i = 0; i < NETWORK_OUTPUTS; i++) {
        const uint16_t rest = thousandths[i] % 1000u;
        say(i > 0 ? "," : "");
        say_number(thousandths[i] / 1000u);
        say(rest < 10u ? ".00" : rest < 100u ? ".0" : ".");
        say_number(rest);
    }
    say("]\r\n");
}

/* False when the accelerator hangs, or the host speaks in between. */
static bool infer_times(uint32_t times)
{
    for (; times > 0; times--) {
        watchdog_feed();
        (void)timer_now(); /* a run may outlast the timer */
        input_load();
        if (!input_infer(false)) {
            fail("The accelerator did not finish in time");
            return false;
        }
        if (times > 1u && uart_has_data()) {
            fail("Interrupted");
            return false;
        }
    }
    return true;
}

static void infer(char *rest)
{
    uint32_t times = DEFAULT_TIMES, warmup = DEFAULT_WARMUP;
    const char *word = next_word(&rest);
    if (*word != '\0' && (!parse_number(word, &times) || times == 0)) {
        fail("Inference iterations must be >0");
        return;
    }
    word = next_word(&rest);
    if (*word != '\0' && !parse_number(word, &warmup)) {
        fail("Inference warmup must be >=0");
        return;
    }
    if (!input_complete) {
        fail("No input has been loaded");
        return;
    }
    say_line("m-warmup-start-", warmup, "");
    if (!infer_times(warmup)) {
        return;
    }
    say("m-warmup-done\r\n");
    say_line("m-infer-start-", times, "");
    uart_drain(); /* the line is quiet from lap to lap: both are told afterwards */
    const uint64_t start = lap();
    if (!infer_times(times)) {
        return;
    }
    const uint64_t end = lap();
    say_lap(start);
    say_lap(end);
    say("m-infer-done\r\n");
    say_results();
}

static void help(void)
{
    say("fer-edge: MLPerf Tiny commands, each ended by %\r\n"
        "name         : name of the device\r\n"
        "profile      : firmware and model\r\n"
        "timestamp    : a lap\r\n"
        "db load N    : expect N bytes of input\r\n"
        "db HH[HH]*   : the next bytes, pixels 0 to 255, row by row\r\n"
        "db print     : the bytes so far\r\n"
        "infer [N [W]]: W (10) inferences to warm up, then N (1) between two laps\r\n"
        "results      : probabilities of the last inference\r\n"
        "mode energy, mode performance: 9600 baud and edges on P0.19, or the usual rate and laps as text\r\n");
}

static void change_mode(char *rest)
{
    const char *word = next_word(&rest);
    const bool energy = strcmp(word, "energy") == 0;
    if (!energy && strcmp(word, "performance") != 0) {
        fail("Mode must be energy or performance");
        return;
    }
    text_set_mode(energy);
}

static void execute(void)
{
    char *rest = command;
    const char *word = next_word(&rest);
    if (length > COMMAND_CHARACTERS) {
        fail("Command too long");
    } else if (strcmp(word, "name") == 0) {
        say("m-name-dut-[fer-edge]\r\n");
    } else if (strcmp(word, "profile") == 0) {
        say("m-profile-[fer-edge]\r\nm-model-[" NETWORK_NAME "]\r\n");
    } else if (strcmp(word, "help") == 0) {
        help();
    } else if (strcmp(word, "timestamp") == 0) {
        say_lap(lap());
    } else if (strcmp(word, "db") == 0) {
        manage_buffer(rest);
    } else if (strcmp(word, "infer") == 0) {
        infer(rest);
    } else if (strcmp(word, "results") == 0) {
        say_results();
    } else if (strcmp(word, "mode") == 0) {
        change_mode(rest);
    } else {
        say("e-[Unknown command: ");
        say(word);
        say("]\r\n");
    }
    say("m-ready\r\n");
}

void text_set_mode(bool energy)
{
    energy_mode = energy;
    if (energy) {
        gpio_set(&timestamp_pin);
        gpio_configure(&timestamp_pin);
    }
    line_set_base(energy ? ENERGY_BAUD_RATE : PROTOCOL_BAUD_RATE);
}

void text_greet(void)
{
    if (!uart_has_data()) { /* else the host has not waited, and would take this for its answer */
        say("m-init-done\r\nm-ready\r\n");
    }
}

void text_after_silence(void)
{
    garbled = false;
}

void text_receive(const uint8_t *bytes, size_t count)
{
    for (; count > 0; count--, bytes++) {
        const char character = (char)*bytes;
        if (character == TERMINATOR) {
            command[length < COMMAND_CHARACTERS ? length : COMMAND_CHARACTERS] = '\0';
            if (!garbled) {
                standalone_end();
                execute();
            }
            length = 0;
            garbled = false;
        } else if (character >= ' ' && character <= '~') {
            if (length < COMMAND_CHARACTERS) {
                command[length] = character;
            }
            length += length <= COMMAND_CHARACTERS;
        } else if (character != '\r' && character != '\n') {
            length = 0;
            garbled = true;
        }
    }
}
