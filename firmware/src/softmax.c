#include "softmax.h"

#include <stddef.h>

#include "inference.h"
#include "input.h"
#include "network.h"

#define Q30_ONE (1u << 30)
#define Q30_LN_2 744261118u   /* ln(2) */
#define Q31_LOG2_E 3098164009u /* log2(e) */
#define TERMS 11u             /* of the series; the next is below 2^-35 */

_Static_assert(NETWORK_OUTPUT_FRACTION >= -1 && NETWORK_OUTPUT_FRACTION <= 29, "exponential() shifts by these");

/* e^-x of x = distance / 2^NETWORK_OUTPUT_FRACTION, in Q30, by e^-x = 2^-whole * e^-(ln(2) * rest). */
static uint32_t exponential(uint32_t distance)
{
    const uint64_t halvings = (uint64_t)distance * Q31_LOG2_E;
    const unsigned point = 31 + NETWORK_OUTPUT_FRACTION;
    const uint64_t whole = halvings >> point;
    const uint64_t rest = (halvings & ((1ull << point) - 1u)) >> (point - 30u);
    const uint64_t x = rest * Q30_LN_2 >> 30;
    uint32_t power = Q30_ONE;
    for (uint32_t i = TERMS; i > 0; i--) { /* 1 - x/1 * (1 - x/2 * (1 - x/3 ... */
        power = Q30_ONE - (uint32_t)(power * x >> 30) / i;
    }
    return whole < 32u ? power >> whole : 0;
}

void softmax(uint16_t *thousandths)
{
    uint32_t powers[NETWORK_OUTPUTS];
    const int32_t highest = inference_logit(inference_class());
    uint64_t sum = 0;
    for (size_t i = 0; i < NETWORK_OUTPUTS; i++) {
        /* Of sums over several runs, the mean counts. */
        powers[i] = exponential(((uint32_t)highest - (uint32_t)inference_logit(i)) / INPUT_RUNS);
        sum += powers[i];
    }
    for (size_t i = 0; i < NETWORK_OUTPUTS; i++) {
        thousandths[i] = (uint16_t)((2000u * (uint64_t)powers[i] + sum) / (2u * sum));
    }
}
