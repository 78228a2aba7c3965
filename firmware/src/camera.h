/* The camera from its supply to an answer about each of its pictures. */
#ifndef CAMERA_H
#define CAMERA_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "picture.h"
#include "protocol.h"

/* Up to the first picture. NO_ERROR, or the step that failed; nothing is left on then. Takes part of a second. */
error_t camera_start(void);
void camera_stop(void);
bool camera_is_on(void);

/* Infer the picture that has come, if one has. True when there is a new answer. To be called every now and then; not
 * often enough loses pictures, as a whole. */
bool camera_run(void);

/* Why the camera did not start, or went off by itself; NO_ERROR once it has been started or stopped. */
error_t camera_fault(void);

/* False when it does not lie within the picture, or is smaller than the network's. */
bool camera_set_window(picture_window_t window);

/* The next answer that has not been given yet, awaited, as the payload of a CAMERA_FRAME's reply. */
error_t camera_next(camera_detail_t detail);
uint8_t *camera_frame(void);        /* the frame around it, to be sealed and sent */
uint16_t camera_frame_length(void); /* of the payload */

#endif
