/* The serial port between two hosts' words: bytes in, replies out, asleep when there is nothing to do. */
#ifndef CONSOLE_H
#define CONSOLE_H

#include <stddef.h>
#include <stdint.h>

/* Take received bytes and answer what they complete. */
void console_receive(const uint8_t *bytes, size_t count);

/* To be called when no byte has come since: gives up on a frame whose rest does not come. */
void console_check_silence(void);

/* Read what has come or, if nothing has, sleep until something does or a moment has passed. */
void console_run(void);

#endif
