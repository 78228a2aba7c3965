#include "ovm7692.h"

#include <stddef.h>
#include <stdint.h>

#include "hal.h"
#include "picture.h"

#define ADDRESS 0x3cu
#define PRODUCT_HIGH 0x0au
#define PRODUCT_LOW 0x0bu
#define MAKER_HIGH 0x1cu
#define MAKER_LOW 0x1du
#define FORMAT 0x12u
#define RESET 0x80u
#define RESET_LOOKS 10u
#define LOOK_TICKS (TIMER_HZ / 100u)

#define SOURCE_SIDE 480u /* the square that is scaled to the picture */
#define HIGH(number) (uint8_t)((number) >> 8)
#define LOW(number) (uint8_t)((number) & 0xffu)

typedef struct {
    uint8_t number;
    uint8_t value;
} setting_t;

/* In this order. What the numbers mean is known in part only; those without a word are as the maker's driver has them. */
static const setting_t settings[] = {
    {0x69, 0x52}, {0x1e, 0xb3}, {0x48, 0x42},               /* black level; ; */
    {0xff, 0x01}, {0xb5, 0x30}, {0xff, 0x00},               /* bank of the serial interface: off */
    {0x16, 0x03}, {0x0c, 0xd6}, {0x82, 0x03},               /* ; flipped, mirrored, luma first; */
    {0x11, 0x00}, {FORMAT, 0x00},                           /* full internal clock; YUV 4:2:2 */
    {0xc3, 0x80}, {0x81, 0x3f},                             /* ; scaling both ways and what belongs to it on */
    {0x16, 0x07}, {0x31, 0x82}, {0x37, 0x00}, {0x3e, 0x20}, /* slow pixel clock for small pictures; PLL; ; */
    {0x5e, 0x10}, {0x64, 0x11}, {0x69, 0x02},               /* ; ; black level */
    {0xc4, 0x01}, {0xc5, 0x80}, {0xc6, 0x01}, {0xc7, 0x80}, /* scale factors */
    {0x13, 0xef}, {0x14, 0x30},                             /* automatic gain, up to 16, exposure and white balance */
    {0x70, 0x10}, {0x71, 0x00}, {0x72, 0x0a}, {0x73, 0x02}, {0x74, 0x28}, /* light meter: the next ten */
    {0x75, 0x98}, {0x76, 0x00}, {0x77, 0x64}, {0x78, 0x01}, {0x79, 0xc2},
    {0x0e, 0x00}, /* awake */
    {0xc8, HIGH(SOURCE_SIDE)}, {0xc9, LOW(SOURCE_SIDE)}, {0xca, HIGH(SOURCE_SIDE)}, {0xcb, LOW(SOURCE_SIDE)},
    {0xcc, HIGH(PICTURE_SIDE)}, {0xcd, LOW(PICTURE_SIDE)},
    /* Of small pictures one row fewer arrives than was asked for. Whether 96 is small the maker's drivers disagree about,
     * so one more is asked for and the capture bears it. */
    {0xce, HIGH(PICTURE_SIDE + 1u)}, {0xcf, LOW(PICTURE_SIDE + 1u)},
};

static bool reads(uint8_t number, uint8_t expected)
{
    uint8_t value;
    return sccb_read(ADDRESS, number, &value) && value == expected;
}

bool ovm7692_answers(void)
{
    uint8_t value;
    return sccb_read(ADDRESS, PRODUCT_HIGH, &value);
}

bool ovm7692_is_known(void)
{
    return reads(PRODUCT_HIGH, 0x76) && reads(PRODUCT_LOW, 0x92) && reads(MAKER_HIGH, 0x7f) && reads(MAKER_LOW, 0xa2);
}

static bool reset(void)
{
    if (!sccb_write(ADDRESS, FORMAT, RESET)) {
        return false;
    }
    for (uint32_t look = 0; look < RESET_LOOKS; look++) {
        timer_wait(LOOK_TICKS);
        if (reads(FORMAT, 0)) {
            return true;
        }
    }
    return false;
}

bool ovm7692_configure(void)
{
    bool good = reset();
    for (size_t i = 0; good && i < sizeof settings / sizeof *settings; i++) {
        good = sccb_write(ADDRESS, settings[i].number, settings[i].value);
    }
    return good;
}
