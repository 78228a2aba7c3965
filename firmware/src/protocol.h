/* Written by `make generate` from fer_edge/bench/protocol.py; do not edit. */
#ifndef PROTOCOL_H
#define PROTOCOL_H

#include <stdint.h>

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "messages are little endian");

#define PROTOCOL_VERSION 5u
#define PROTOCOL_SYNC0 0xf5u
#define PROTOCOL_SYNC1 0xedu
#define PROTOCOL_HEADER_BYTES 4u /* command, sequence, length; after the sync bytes */
#define PROTOCOL_CRC_BYTES 4u
#define PROTOCOL_OVERHEAD 10u
#define PROTOCOL_MAX_PAYLOAD 16384u
#define PROTOCOL_REPLY 0x80u
#define PROTOCOL_HASH_BYTES 16u
#define PROTOCOL_BAUD_RATE 115200u
#define PROTOCOL_BAUD_TRIAL 1u /* seconds */
#define PROTOCOL_PROBE_WORDS 1024u
#define PROTOCOL_DUTY_CYCLE_SECONDS 600u
#define PROTOCOL_CAMERA_SIDE 96u
#define PROTOCOL_CAMERA_LARGEST 80u
#define PROTOCOL_ERROR_MEANINGS { \
    [ERROR_UNKNOWN_COMMAND] = "the firmware does not know this command", \
    [ERROR_BAD_LENGTH] = "the payload has the wrong length for this command or network", \
    [ERROR_BAD_CRC] = "the frame arrived damaged", \
    [ERROR_NO_INPUT] = "no image has been sent yet", \
    [ERROR_CNN_TIMEOUT] = "the accelerator did not finish in time", \
    [ERROR_BAD_VALUE] = "a value in the request is out of range", \
    [ERROR_CAMERA_NO_SUPPLY] = "the power supply chip that feeds the camera (MAX20303 on I2C1) does not answer", \
    [ERROR_CAMERA_NO_CLOCK] = "the camera's clock (pulse train 0) does not run", \
    [ERROR_CAMERA_SILENT] = "no camera answers; check that it is plugged in", \
    [ERROR_CAMERA_UNKNOWN] = "the camera is no OVM7692", \
    [ERROR_CAMERA_NO_FRAME] = "the camera sends no picture", \
    [ERROR_CAMERA_SHORT_FRAME] = "the camera's pictures lack rows", \
    [ERROR_CAMERA_OVERFLOW] = "the camera's pictures arrive faster than they are taken out of the interface's FIFO", \
    [ERROR_CAMERA_UNFIT] = "the network does not take a square grey picture of at most 80 rows", \
    [ERROR_CAMERA_OFF] = "the camera has not been started", \
    [ERROR_NO_OSCILLATOR] = "an oscillator that the mode needs (ISO, or ERTCO for the wake-up timer) does not run", \
}

typedef enum {
    COMMAND_HELLO = 0x01,
    COMMAND_INFER = 0x02,
    COMMAND_REPEAT = 0x03,
    COMMAND_SELFTEST = 0x04,
    COMMAND_WINDOW = 0x05,
    COMMAND_BAUD = 0x06,
    COMMAND_RESET = 0x07,
    COMMAND_PROBE = 0x08,
    COMMAND_CAMERA_START = 0x09,
    COMMAND_CAMERA_STOP = 0x0a,
    COMMAND_CAMERA_WINDOW = 0x0b,
    COMMAND_CAMERA_FRAME = 0x0c,
    COMMAND_DUTY_CYCLE = 0x0d,
    REPLY_ERROR = 0xff,
} command_t;

#define NO_ERROR ((error_t)0)
typedef enum {
    ERROR_UNKNOWN_COMMAND = 1,
    ERROR_BAD_LENGTH = 2,
    ERROR_BAD_CRC = 3,
    ERROR_NO_INPUT = 4,
    ERROR_CNN_TIMEOUT = 5,
    ERROR_BAD_VALUE = 6,
    ERROR_CAMERA_NO_SUPPLY = 7,
    ERROR_CAMERA_NO_CLOCK = 8,
    ERROR_CAMERA_SILENT = 9,
    ERROR_CAMERA_UNKNOWN = 10,
    ERROR_CAMERA_NO_FRAME = 11,
    ERROR_CAMERA_SHORT_FRAME = 12,
    ERROR_CAMERA_OVERFLOW = 13,
    ERROR_CAMERA_UNFIT = 14,
    ERROR_CAMERA_OFF = 15,
    ERROR_NO_OSCILLATOR = 16,
} error_t;

typedef enum {
    ACTIVITY_IDLE = 0,
    ACTIVITY_LOAD_WEIGHTS = 1,
    ACTIVITY_LOAD_INPUT = 2,
    ACTIVITY_INFER = 3,
} activity_t;

typedef enum {
    WINDOW_BUSY_WAIT = 1,
    WINDOW_SENSOR = 2,
    WINDOW_LEDS = 4,
} window_flag_t;

typedef enum {
    WAIT_BUSY = 0,
    WAIT_SLEEP = 1,
    WAIT_LPM = 2,
    WAIT_UPM = 3,
    WAIT_STANDBY = 4,
} wait_t;

typedef enum {
    REST_ON = 0,
    REST_GATED = 1,
    REST_RETAINED = 2,
    REST_OFF = 3,
} rest_t;

typedef enum {
    CLOCK_IPO = 0,
    CLOCK_ISO = 1,
} clock_setting_t;

typedef enum {
    CAMERA_ANSWER = 0,
    CAMERA_PIXELS = 1,
    CAMERA_PREVIEW = 2,
} camera_detail_t;

typedef enum {
    SENSOR_NONE = 0,
    SENSOR_INA219 = 1,
    SENSOR_INA226 = 2,
} sensor_t;

typedef enum {
    RESET_POWER_ON = 0,
    RESET_REQUEST = 1,
    RESET_FAULT = 2,
    RESET_WATCHDOG = 3,
    RESET_STACK = 4,
} reset_cause_t;

typedef struct __attribute__((packed)) {
    uint8_t version; /* of the protocol; stands here in every version */
    uint8_t major; /* version of the firmware */
    uint8_t minor;
    uint8_t patch;
    uint8_t network_hash[16]; /* of the network's content */
    uint32_t input_bytes;
    uint16_t outputs;
    uint8_t logit_shift; /* left shift of the logits */
    uint8_t sensor; /* `Sensor` */
    uint8_t runs; /* of the accelerator for an image: 2 where the mirrored one is inferred too, and logits are sums */
    uint32_t stack_bytes; /* ever used */
    uint8_t reset_cause; /* `ResetCause`; the rest is valid after FAULT and WATCHDOG */
    uint32_t pc;
    uint32_t lr;
    uint32_t cfsr;
    uint32_t hfsr;
    uint32_t fault_address;
} hello_reply_t; /* then in UTF-8 the network's name and the name of each class, a line feed before each */
_Static_assert(sizeof(hello_reply_t) == 54, "");

typedef struct __attribute__((packed)) {
    uint32_t cycles; /* of the accelerator: 50 MHz timer ticks */
    uint32_t microseconds; /* of the accelerator, start to done */
    uint16_t predicted; /* class */
} infer_reply_t; /* then int32 logits */
_Static_assert(sizeof(infer_reply_t) == 10, "");

typedef struct __attribute__((packed)) {
    uint32_t count; /* inferences */
} repeat_request_t;
_Static_assert(sizeof(repeat_request_t) == 4, "");

typedef struct __attribute__((packed)) {
    uint32_t inferences; /* run */
    uint32_t microseconds; /* elapsed */
} repeat_reply_t;
_Static_assert(sizeof(repeat_reply_t) == 8, "");

typedef struct __attribute__((packed)) {
    uint32_t differing; /* words; 0: passed */
    uint32_t address; /* of the first of them */
    uint32_t expected; /* its value */
    uint32_t found;
    uint32_t cycles; /* of the accelerator */
} selftest_reply_t;
_Static_assert(sizeof(selftest_reply_t) == 20, "");

typedef struct __attribute__((packed)) {
    uint8_t activity; /* `Activity` */
    uint32_t count; /* milliseconds of IDLE, else times */
    uint8_t flags; /* `WindowFlag`s */
} window_request_t;
_Static_assert(sizeof(window_request_t) == 6, "");

typedef struct __attribute__((packed)) {
    uint8_t activity; /* `Activity` */
    uint32_t count; /* done */
    uint64_t microseconds; /* elapsed */
    uint8_t sensor; /* `Sensor` read; NONE: there is none, it was not asked for or did not answer */
    uint32_t samples;
    uint32_t microvolts; /* mean; 0 without a sample */
    int32_t microamperes; /* mean; 0 without a sample */
    int64_t nanojoules; /* sum of V·I·dt over samples, dt since the last sample or the window's start */
    uint16_t configuration; /* register of the sensor */
    uint32_t shunt_microohms;
} window_reply_t;
_Static_assert(sizeof(window_reply_t) == 40, "");

typedef struct __attribute__((packed)) {
    uint32_t rate; /* wanted, bits per second */
} baud_request_t;
_Static_assert(sizeof(baud_request_t) == 4, "");

typedef struct __attribute__((packed)) {
    uint32_t rate; /* the board then has */
} baud_reply_t;
_Static_assert(sizeof(baud_reply_t) == 4, "");

typedef struct __attribute__((packed)) {
    uint8_t last_layer; /* to run */
    uint32_t address; /* in the accelerator's data memory, a multiple of four */
    uint16_t words; /* at most 1024 */
} probe_request_t;
_Static_assert(sizeof(probe_request_t) == 7, "");

typedef struct __attribute__((packed)) {
    uint8_t row; /* the first, of the camera's picture */
    uint8_t column; /* the first */
    uint8_t side; /* rows and columns, no fewer than the network's picture has; at first all of the camera's */
} camera_window_request_t;
_Static_assert(sizeof(camera_window_request_t) == 3, "");

typedef struct __attribute__((packed)) {
    uint8_t detail; /* `CameraDetail` */
} camera_frame_request_t;
_Static_assert(sizeof(camera_frame_request_t) == 1, "");

typedef struct __attribute__((packed)) {
    uint32_t number; /* of the camera's frame; 0 is the first after exposure has settled, and no number comes twice */
    uint32_t broken; /* frames that did not arrive whole, so far; their numbers are left out, too */
    uint32_t capture_us; /* of the capture: from the end of the frame before to its own */
    uint32_t compute_us; /* from the picture being taken up to its logits */
    uint32_t inference_us; /* of that the accelerator's part */
    uint16_t predicted; /* class */
    uint16_t outputs;
    uint8_t side; /* rows and columns of the network's picture, 0 unless asked for */
    uint8_t camera_side; /* of the camera's, likewise */
} camera_frame_reply_t; /* then int32 logits, then the pictures, one byte 0 to 255 a pixel, row by row */
_Static_assert(sizeof(camera_frame_reply_t) == 26, "");

typedef struct __attribute__((packed)) {
    uint32_t period_us; /* from one frame's start to the next one's */
    uint32_t frames; /* at least 1; all periods together at most 600 s */
    uint8_t wait; /* `Wait` */
    uint8_t rest; /* `Rest`; in UPM and STANDBY RETAINED or OFF */
    uint8_t clock; /* `ClockSetting` */
} duty_cycle_request_t;
_Static_assert(sizeof(duty_cycle_request_t) == 11, "");

typedef struct __attribute__((packed)) {
    uint32_t frames; /* done */
    uint32_t late; /* of these: that took longer than a period */
    uint32_t differing; /* of these: whose logits were not the first one's */
    uint32_t logits_crc; /* CRC-32 of the first one's logits, int32 each */
    uint64_t microseconds; /* elapsed, the last period included */
    uint64_t wake_us; /* of these: until the accelerator could be used, in all frames together */
    uint64_t load_us; /* loading the input */
    uint64_t infer_us; /* inferring */
    uint64_t read_us; /* reading the logits, and putting the accelerator to rest */
} duty_cycle_reply_t;
_Static_assert(sizeof(duty_cycle_reply_t) == 56, "");

typedef struct __attribute__((packed)) {
    uint8_t command; /* answered */
    uint8_t error; /* `ErrorCode` */
} error_reply_t;
_Static_assert(sizeof(error_reply_t) == 2, "");

#endif
