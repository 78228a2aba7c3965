/* What the board answers: one reply to every request (contents: fer_edge/bench/protocol.py). */
#ifndef COMMANDS_H
#define COMMANDS_H

#include "frame.h"

/* Carry out what frame_next() found and send the reply. Frames with the reply bit stay unanswered: they are our own
 * echo or another board, and answering those could go on for ever. */
void commands_answer(frame_status_t status, const frame_t *frame);

#endif
