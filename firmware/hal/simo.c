#include "hal.h"

void simo_init(void)
{
    MXC_SIMO->vrego_c = 0x43; /* what the vendor's start-up code for this board sets before the accelerator is used */
}
