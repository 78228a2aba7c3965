/* The WINDOW command: a stretch of one activity, marked by the trigger pin, for whoever measures energy. */
#ifndef WINDOW_H
#define WINDOW_H

#include <stdint.h>

#include "protocol.h"

void window_init(void);

/* PROTOCOL_WINDOW_REQUEST_BYTES in, PROTOCOL_WINDOW_REPLY_BYTES out. NO_ERROR, or why there is no reply. */
error_t window_run(const uint8_t *request, uint8_t *reply);

#endif
