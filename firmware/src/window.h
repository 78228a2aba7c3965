/* The WINDOW command: a stretch of one activity, marked by the trigger pin, for whoever measures energy. */
#ifndef WINDOW_H
#define WINDOW_H

#include <stdbool.h>
#include <stdint.h>

#include "protocol.h"

void window_init(void);
void window_trigger(bool high); /* the pin that tells a meter what to count */

/* NO_ERROR, or why there is no reply. */
error_t window_run(const window_request_t *request, window_reply_t *reply);

#endif
