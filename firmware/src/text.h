/* The text commands of MLPerf Tiny (EnergyRunner), so that its public runner can drive the board. */
#ifndef TEXT_H
#define TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Performance mode: 115,200 baud, laps as text. Energy mode: 9,600 baud, laps as falling edges of P0.19. */
void text_set_mode(bool energy);

/* What the runner waits for after a reset. */
void text_greet(void);

/* Bytes that belong to no frame. What is not text spoils the command around it. */
void text_receive(const uint8_t *bytes, size_t count);
void text_after_silence(void);

#endif
