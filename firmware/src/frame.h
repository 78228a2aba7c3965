/* Frames of the serial protocol (layout: fer_edge/bench/protocol.py). Portable: the host tests compile it as it is. */
#ifndef FRAME_H
#define FRAME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "protocol.h"

#define FRAME_PAYLOAD_OFFSET (2u + PROTOCOL_HEADER_BYTES) /* sync and header stand before the payload */

typedef struct {
    uint8_t command;
    uint8_t sequence;
    uint16_t length;
    const uint8_t *payload; /* inside the decoder: valid until its next call */
} frame_t;

typedef enum {
    FRAME_NONE,     /* more bytes are needed */
    FRAME_COMPLETE, /* a frame that arrived whole */
    FRAME_DAMAGED,  /* its CRC is wrong, or the rest never came: the header may be wrong as well */
    FRAME_TOO_LONG, /* it claims more than PROTOCOL_MAX_PAYLOAD bytes */
    FRAME_OUTSIDE,  /* no frame: payload and length are bytes that belong to none */
} frame_status_t;

#define FRAME_CHUNK 64u /* bytes that always fit when no frame is left to be fetched */

/* All zero is the decoder's first state. `begin` and `end` bound the bytes not yet dealt with. */
typedef struct {
    uint8_t buffer[PROTOCOL_OVERHEAD + PROTOCOL_MAX_PAYLOAD + FRAME_CHUNK];
    size_t begin;
    size_t end;
} frame_decoder_t;

/* Take received bytes; return how many fitted. After frame_next() gave FRAME_NONE that is FRAME_CHUNK or more. */
size_t frame_feed(frame_decoder_t *decoder, const uint8_t *data, size_t count);

/* The next frame among the bytes taken. After a damaged one the search goes on at its second byte, so a good frame
 * behind or inside it is not lost. */
frame_status_t frame_next(frame_decoder_t *decoder, frame_t *frame);

/* Bytes that have to arrive before frame_next() can give something new: 1 where no frame has begun. */
size_t frame_missing(const frame_decoder_t *decoder);

/* To be called instead of frame_next() when the line has gone quiet: no rest will come, so what looks like the
 * start of a frame is given up, and frames behind it are found. Repeat until FRAME_NONE, which leaves nothing. */
frame_status_t frame_next_after_silence(frame_decoder_t *decoder, frame_t *frame);

/* CRC-32 of IEEE 802.3; `before` is that of the bytes before these, 0 if there are none. */
uint32_t frame_crc32(uint32_t before, const uint8_t *data, size_t count);

/* Complete the frame around `length` payload bytes that stand at `frame` + FRAME_PAYLOAD_OFFSET; return its bytes,
 * `length` + PROTOCOL_OVERHEAD. */
size_t frame_seal(uint8_t *frame, uint8_t command, uint8_t sequence, uint16_t length);

#endif
