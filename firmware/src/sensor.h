/* An INA219 or INA226 on I2C1: what flows through its shunt, summed up over a window. */
#ifndef SENSOR_H
#define SENSOR_H

#include <stdint.h>

#include "protocol.h"

/* Look for one. */
void sensor_init(void);
sensor_t sensor_kind(void);

/* A window: begin, then poll as often as possible, for a sample is only taken there; end takes the last one. */
void sensor_begin(void);
void sensor_poll(void);
uint64_t sensor_next(void); /* when the next sample is due, as timer_now() */

typedef struct {
    sensor_t sensor; /* SENSOR_NONE: it does not answer; the rest is 0 then */
    uint32_t samples;
    uint32_t microvolts;
    int32_t microamperes;
    int64_t nanojoules;
    uint16_t configuration;
    uint32_t shunt_microohms;
} sensor_sum_t;
sensor_sum_t sensor_end(void);

#endif
