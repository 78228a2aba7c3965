/* Written by `python -m fer_edge.bench.protocol` from fer_edge/bench/protocol.py; do not edit. */
#ifndef PROTOCOL_H
#define PROTOCOL_H

#define PROTOCOL_VERSION 1u
#define PROTOCOL_SYNC0 0xf5u
#define PROTOCOL_SYNC1 0xedu
#define PROTOCOL_HEADER_BYTES 4u /* command, sequence, length; after the sync bytes */
#define PROTOCOL_CRC_BYTES 4u
#define PROTOCOL_OVERHEAD 10u
#define PROTOCOL_MAX_PAYLOAD 16384u
#define PROTOCOL_REPLY 0x80u
#define PROTOCOL_HASH_BYTES 16u
#define PROTOCOL_BAUD_RATE 115200u
#define PROTOCOL_HELLO_REPLY_BYTES 27u /* then the name */
#define PROTOCOL_INFER_REPLY_BYTES 10u /* then the logits */
#define PROTOCOL_REPEAT_REQUEST_BYTES 4u
#define PROTOCOL_REPEAT_REPLY_BYTES 8u
#define PROTOCOL_SELFTEST_REPLY_BYTES 20u
#define PROTOCOL_ERROR_REPLY_BYTES 2u

typedef enum {
    COMMAND_HELLO = 0x01,
    COMMAND_INFER = 0x02,
    COMMAND_REPEAT = 0x03,
    COMMAND_SELFTEST = 0x04,
    REPLY_ERROR = 0xff,
} command_t;

typedef enum {
    ERROR_UNKNOWN_COMMAND = 1,
    ERROR_BAD_LENGTH = 2,
    ERROR_BAD_CRC = 3,
    ERROR_NO_INPUT = 4,
    ERROR_CNN_TIMEOUT = 5,
} error_t;

#endif
