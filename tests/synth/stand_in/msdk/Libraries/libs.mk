# Stand-in for the vendor's file of this name: board support and drivers, here tests/board/programs/vendor.
ifneq ($(BOARD),FTHR_RevA)
$(error there is no board $(BOARD))
endif
SDK := $(abspath $(LIBS_DIR)/../../../../board/programs/vendor)
VPATH += $(SDK)
IPATH += $(SDK)
SRCS += sdk.c
