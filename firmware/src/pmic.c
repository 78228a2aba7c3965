#include "pmic.h"

#include <stdint.h>

#include "hal.h"

#define ADDRESS 0x28u
#define RATE_HZ 100000u
#define HARDWARE_ID 0x00u
#define MAX20303 0x02u
#define COMMAND_DATA 0x0fu
#define COMMAND 0x17u
#define RESPONSE 0x18u
#define LDO2_CONFIG 0x42u
#define LDO_OFF 0x00u
#define LDO_ON 0x01u
#define VOLTS_2_8 0x13u                     /* 0.9 V and 100 mV a step */
#define COMMAND_TICKS (TIMER_HZ / 100u)     /* 10 ms: 9 at worst */

static bool command_ldo2(uint8_t state)
{
    const uint8_t data[] = {COMMAND_DATA, state, VOLTS_2_8};
    const uint8_t command[] = {COMMAND, LDO2_CONFIG};
    uint8_t response;
    if (!i2c_write(ADDRESS, data, sizeof data) || !i2c_write(ADDRESS, command, sizeof command)) {
        return false;
    }
    timer_wait(COMMAND_TICKS);
    return i2c_read_register(ADDRESS, RESPONSE, &response, 1) && response == LDO2_CONFIG;
}

bool pmic_supply_camera(bool on)
{
    uint8_t id;
    i2c_set_rate(RATE_HZ);
    const bool good = i2c_read_register(ADDRESS, HARDWARE_ID, &id, 1) && id == MAX20303
                      && command_ldo2(on ? LDO_ON : LDO_OFF);
    i2c_set_rate(I2C_RATE_HZ);
    return good;
}
