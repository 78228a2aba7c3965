/* Waiting in a power mode. */
#ifndef NAP_H
#define NAP_H

#include <stdint.h>

#include "protocol.h"

/* Until timer_now() is `until`, a byte comes, or a second or two are over, so that the watchdog is fed in time. */
void nap(wait_t wait, uint64_t until);

#endif
