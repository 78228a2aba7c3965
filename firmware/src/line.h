/* The line's baud rate: raised on request, and given up again when nothing that can be read comes through. */
#ifndef LINE_H
#define LINE_H

#include <stdint.h>

/* The rate to start with and to fall back to, at first PROTOCOL_BAUD_RATE; and change to it. */
void line_set_base(uint32_t rate);

/* Change the rate once all that was sent is out. Back to the base when no frame is read within PROTOCOL_BAUD_TRIAL
 * seconds of this, or of the first byte after the last frame: then the host speaks at another rate. */
void line_switch(uint32_t rate);

void line_bytes_came(void);
void line_frame_came(void);
void line_check(void); /* to be called every now and then */

#endif
