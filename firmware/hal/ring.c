#include "ring.h"

_Static_assert((RING_BYTES & (RING_BYTES - 1u)) == 0, "the counters must wrap at a multiple of the ring's size");

/* The byte must be in its place before the counter tells of it, and taken before the place is given back: there is one
 * processor, so the compiler alone has to keep the order. */
static inline void keep_order(void)
{
    __atomic_signal_fence(__ATOMIC_SEQ_CST);
}

bool ring_put(ring_t *ring, uint8_t byte)
{
    const uint32_t written = ring->written;
    if (written - ring->read == RING_BYTES) {
        return false;
    }
    ring->bytes[written % RING_BYTES] = byte;
    keep_order();
    ring->written = written + 1u;
    return true;
}

size_t ring_get(ring_t *ring, uint8_t *data, size_t room)
{
    uint32_t read = ring->read;
    size_t count = ring->written - read;
    keep_order();
    if (count > room) {
        count = room;
    }
    for (size_t i = 0; i < count; i++) {
        data[i] = ring->bytes[read++ % RING_BYTES];
    }
    keep_order();
    ring->read = read;
    return count;
}

bool ring_is_empty(const ring_t *ring)
{
    return ring->written == ring->read;
}
