/* The line's baud rate: raised on request, and given up again when nothing that can be read comes through. */
#ifndef LINE_H
#define LINE_H

#include <stdint.h>

/* Change the rate once all that was sent is out. Back to PROTOCOL_BAUD_RATE when no frame is read within
 * PROTOCOL_BAUD_TRIAL seconds of this, or of the first byte after the last frame: then the host speaks at another rate. */
void line_switch(uint32_t rate);

void line_bytes_came(void);
void line_frame_came(void);
void line_check(void); /* to be called every now and then */

#endif
