#include "frame.h"

#include <string.h>

#include "bytes.h"

/* Reflected, polynomial 0xEDB88320, four bits at a time. */
uint32_t frame_crc32(uint32_t before, const uint8_t *data, size_t count)
{
    static const uint32_t table[16] = {
        0x00000000u, 0x1db71064u, 0x3b6e20c8u, 0x26d930acu, 0x76dc4190u, 0x6b6b51f4u, 0x4db26158u, 0x5005713cu,
        0xedb88320u, 0xf00f9344u, 0xd6d6a3e8u, 0xcb61b38cu, 0x9b64c2b0u, 0x86d3d2d4u, 0xa00ae278u, 0xbdbdf21cu,
    };
    uint32_t crc = ~before;
    for (size_t i = 0; i < count; i++) {
        crc ^= data[i];
        crc = crc >> 4 ^ table[crc & 15u];
        crc = crc >> 4 ^ table[crc & 15u];
    }
    return ~crc;
}

size_t frame_feed(frame_decoder_t *decoder, const uint8_t *data, size_t count)
{
    if (decoder->begin == decoder->end) {
        decoder->begin = decoder->end = 0; /* the usual case, which saves moving bytes while more of them arrive */
    }
    if (count > sizeof decoder->buffer - decoder->end) {
        memmove(decoder->buffer, decoder->buffer + decoder->begin, decoder->end - decoder->begin);
        decoder->end -= decoder->begin;
        decoder->begin = 0;
    }
    const size_t room = sizeof decoder->buffer - decoder->end;
    if (count > room) {
        count = room;
    }
    memcpy(decoder->buffer + decoder->end, data, count);
    decoder->end += count;
    return count;
}

/* How many bytes stand before the sync pattern, or before what may become it. */
static size_t bytes_outside(const frame_decoder_t *decoder)
{
    size_t at = decoder->begin;
    for (; at < decoder->end; at++) {
        const uint8_t *byte = decoder->buffer + at;
        if (byte[0] == PROTOCOL_SYNC0 && (at + 1u == decoder->end || byte[1] == PROTOCOL_SYNC1)) {
            break;
        }
    }
    return at - decoder->begin;
}

static frame_status_t next(frame_decoder_t *decoder, frame_t *frame, bool silent)
{
    const size_t outside = bytes_outside(decoder);
    if (outside > 0) {
        *frame = (frame_t){.length = (uint16_t)outside, .payload = decoder->buffer + decoder->begin};
        decoder->begin += outside;
        return FRAME_OUTSIDE;
    }
    const uint8_t *at = decoder->buffer + decoder->begin;
    const size_t available = decoder->end - decoder->begin;
    if (available < PROTOCOL_OVERHEAD) {
        if (silent) {
            decoder->begin = decoder->end;
        }
        return FRAME_NONE;
    }
    *frame = (frame_t){at[2], at[3], get_u16(at + 4), at + FRAME_PAYLOAD_OFFSET};
    if (frame->length > PROTOCOL_MAX_PAYLOAD) {
        decoder->begin++;
        return FRAME_TOO_LONG;
    }
    const size_t crc_at = FRAME_PAYLOAD_OFFSET + (size_t)frame->length;
    if (available < crc_at + PROTOCOL_CRC_BYTES) {
        if (!silent) {
            return FRAME_NONE;
        }
    } else if (frame_crc32(0, at + 2, crc_at - 2u) == get_u32(at + crc_at)) {
        decoder->begin += crc_at + PROTOCOL_CRC_BYTES;
        return FRAME_COMPLETE;
    }
    decoder->begin++;
    return FRAME_DAMAGED;
}

frame_status_t frame_next(frame_decoder_t *decoder, frame_t *frame)
{
    return next(decoder, frame, false);
}

size_t frame_missing(const frame_decoder_t *decoder)
{
    const size_t available = decoder->end - decoder->begin;
    if (available == 0) {
        return 1;
    }
    if (available < PROTOCOL_OVERHEAD) {
        return PROTOCOL_OVERHEAD - available; /* every frame has so many, and its length is known by then */
    }
    return PROTOCOL_OVERHEAD + (size_t)get_u16(decoder->buffer + decoder->begin + 4) - available;
}

frame_status_t frame_next_after_silence(frame_decoder_t *decoder, frame_t *frame)
{
    return next(decoder, frame, true);
}

size_t frame_seal(uint8_t *frame, uint8_t command, uint8_t sequence, uint16_t length)
{
    frame[0] = PROTOCOL_SYNC0;
    frame[1] = PROTOCOL_SYNC1;
    frame[2] = command;
    frame[3] = sequence;
    put_u16(frame + 4, length);
    put_u32(frame + FRAME_PAYLOAD_OFFSET + length, frame_crc32(0, frame + 2, PROTOCOL_HEADER_BYTES + (size_t)length));
    return length + (size_t)PROTOCOL_OVERHEAD;
}
