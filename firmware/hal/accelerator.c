#include "hal.h"

#define QUADRANT_DATA_BYTES (INSTANCES_PER_QUADRANT * DATA_INSTANCE_BYTES)

static mxc_cnn_regs_t *const quadrant[] = {MXC_CNN0, MXC_CNN1, MXC_CNN2, MXC_CNN3};
#define COUNT (sizeof quadrant / sizeof *quadrant)

static bool powered(uint32_t number)
{
    return MXC_GCFR->reg0 >> number & 1u;
}

uint32_t accelerator_last_layer(void)
{
    uint32_t first = 0;
    while (first < COUNT - 1 && !powered(first)) {
        first++;
    }
    return quadrant[first]->lcnt_max;
}

void accelerator_set_last_layer(uint32_t layer)
{
    for (uint32_t number = 0; number < COUNT; number++) {
        if (powered(number)) {
            quadrant[number]->lcnt_max = layer;
        }
    }
}

void accelerator_retain(void)
{
    const uint32_t all = (1u << COUNT) - 1u;
    clock_disable(MXC_F_GCR_PCLKDIS0_CNN);
    MXC_GCFR->reg3 = all; /* reset */
    MXC_GCFR->reg2 |= all; /* isolated */
    MXC_GCFR->reg0 = 0; /* power; that of the mask memory is reg1 */
    MXC_GCFR->reg3 = 0;
}

bool accelerator_has_words(uint32_t address, uint32_t count)
{
    if (address < CNN_DATA || address % 4u != 0) {
        return false;
    }
    const uint32_t number = (address - CNN_DATA) / QUADRANT_STRIDE;
    const uint32_t offset = (address - CNN_DATA) % QUADRANT_STRIDE;
    return number < COUNT && powered(number) && offset <= QUADRANT_DATA_BYTES
           && count <= (QUADRANT_DATA_BYTES - offset) / 4u;
}
