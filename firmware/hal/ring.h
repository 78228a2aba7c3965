/* Bytes from an interrupt handler to the program: one writes, the other reads, and neither waits for the other. */
#ifndef RING_H
#define RING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A power of two, and more than a frame: what the host sends ahead fits while the program is busy. */
#define RING_BYTES 32768u

/* All zero is empty. Both counters run on for ever; their difference is the fill. */
typedef struct {
    uint8_t bytes[RING_BYTES];
    volatile uint32_t written;
    volatile uint32_t read;
} ring_t;

/* False when there is no room: the byte is lost. */
bool ring_put(ring_t *ring, uint8_t byte);

/* Take at most `room` bytes; return how many. */
size_t ring_get(ring_t *ring, uint8_t *data, size_t room);

bool ring_is_empty(const ring_t *ring);

#endif
