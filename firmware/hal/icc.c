#include "hal.h"
#include "wait.h"

bool icc_init(void)
{
    MXC_ICC->ctrl &= ~MXC_F_ICC_CTRL_EN;
    MXC_ICC->invalidate = 1;
    if (!wait_for_set(&MXC_ICC->ctrl, MXC_F_ICC_CTRL_RDY)) {
        return false;
    }
    MXC_ICC->ctrl |= MXC_F_ICC_CTRL_EN;
    return wait_for_set(&MXC_ICC->ctrl, MXC_F_ICC_CTRL_RDY);
}
