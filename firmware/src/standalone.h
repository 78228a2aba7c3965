/* Without a host: look through the camera, show the answer by the RGB LED and tell it on the line, in words. */
#ifndef STANDALONE_H
#define STANDALONE_H

#include <stdbool.h>

/* A host has spoken: from now on only SW1 starts this, and the LED is dark, for it draws more than the accelerator. */
void standalone_end(void);

/* To be called every now and then. `answered`: camera_run() has a new answer. */
void standalone_run(bool answered);

#endif
