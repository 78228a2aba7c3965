/* Generated cnn.c includes this file for MXC_GCFR. */
#include "mxc.h"
