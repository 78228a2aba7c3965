/* The DUTY_CYCLE command: inferences at a rate, and what becomes of processor and accelerator in between. */
#ifndef DUTY_H
#define DUTY_H

#include "protocol.h"

/* NO_ERROR, or why there is no reply. The trigger pin is high meanwhile. */
error_t duty_run(const duty_cycle_request_t *request, duty_cycle_reply_t *reply);

#endif
