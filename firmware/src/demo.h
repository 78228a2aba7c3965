/* Without a host: show that the board works, by blinking in the colour of the stored sample's class. */
#ifndef DEMO_H
#define DEMO_H

/* A host has spoken; until the next reset this stays dark, for a LED draws more than the accelerator. */
void demo_end(void);

/* To be called every now and then. */
void demo_run(void);

#endif
