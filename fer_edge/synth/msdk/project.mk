# Options of the project, as the SDK's user guide lists them.

PROJECT ?= network
BOARD ?= FTHR_RevA
MXC_OPTIMIZE_CFLAGS ?= -O2
PROJ_CFLAGS += -Wall -Wextra
