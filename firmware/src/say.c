#include "say.h"

#include <string.h>

#include "hal.h"

void say(const char *text)
{
    uart_write((const uint8_t *)text, strlen(text));
}

void say_number(uint64_t number)
{
    char digits[21];
    char *at = digits + sizeof digits;
    *--at = '\0';
    do {
        *--at = (char)('0' + number % 10u);
        number /= 10u;
    } while (number > 0);
    say(at);
}
