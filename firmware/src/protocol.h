/* Written by `make generate` from fer_edge/bench/protocol.py; do not edit. */
#ifndef PROTOCOL_H
#define PROTOCOL_H

#define PROTOCOL_VERSION 3u
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
#define PROTOCOL_HELLO_REPLY_BYTES 53u /* then the names */
#define PROTOCOL_INFER_REPLY_BYTES 10u /* then the logits */
#define PROTOCOL_REPEAT_REQUEST_BYTES 4u
#define PROTOCOL_REPEAT_REPLY_BYTES 8u
#define PROTOCOL_SELFTEST_REPLY_BYTES 20u
#define PROTOCOL_WINDOW_REQUEST_BYTES 6u
#define PROTOCOL_WINDOW_REPLY_BYTES 40u
#define PROTOCOL_PROBE_REQUEST_BYTES 7u
#define PROTOCOL_PROBE_WORDS 1024u
#define PROTOCOL_BAUD_REQUEST_BYTES 4u
#define PROTOCOL_BAUD_REPLY_BYTES 4u
#define PROTOCOL_ERROR_REPLY_BYTES 2u

typedef enum {
    COMMAND_HELLO = 0x01,
    COMMAND_INFER = 0x02,
    COMMAND_REPEAT = 0x03,
    COMMAND_SELFTEST = 0x04,
    COMMAND_WINDOW = 0x05,
    COMMAND_BAUD = 0x06,
    COMMAND_RESET = 0x07,
    COMMAND_PROBE = 0x08,
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

#endif
