/* Generated cnn.c includes this file for MXC_GCFR. */
#include "max78000.h"
