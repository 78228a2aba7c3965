/* Words and numbers on the serial line. */
#ifndef SAY_H
#define SAY_H

#include <stdint.h>

void say(const char *text);
void say_number(uint64_t number);

#endif
