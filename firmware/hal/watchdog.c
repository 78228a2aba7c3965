/* WDT0 on the peripheral clock. */
#include "hal.h"
#include "wait.h"

void watchdog_feed(void)
{
    MXC_WDT->rst = WDT_FEED0;
    MXC_WDT->rst = WDT_FEED1;
}
