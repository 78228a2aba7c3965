/* MAX20303, the board's power supply chip on I2C1. */
#ifndef PMIC_H
#define PMIC_H

#include <stdbool.h>

/* 2.8 V for the camera, or none. False when no such chip answers, or it does not confirm. */
bool pmic_supply_camera(bool on);

#endif
