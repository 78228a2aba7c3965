/* OVM7692, the camera: its registers by SCCB. */
#ifndef OVM7692_H
#define OVM7692_H

#include <stdbool.h>

bool ovm7692_answers(void);
bool ovm7692_is_known(void); /* the chip's numbers are those of an OVM7692 */

/* Reset, then pictures of PICTURE_SIDE * PICTURE_SIDE as Y U Y V without end. False when it stops answering. */
bool ovm7692_configure(void);

#endif
