# Stand-in for the vendor's rules: every file of SRCS, found along VPATH, with IPATH for headers, to build/PROJECT.elf.
# Like them it takes a default goal away that is not protected by `override`.
BUILD_DIR ?= $(CURDIR)/build
LINKERFILE ?= $(SDK)/../link.ld
OBJS := $(SRCS:%.c=$(BUILD_DIR)/%.o)
MACHINE := -mcpu=cortex-m4 -mthumb -mfpu=fpv4-sp-d16 -mfloat-abi=softfp

$(BUILD_DIR)/%.o: %.c
	@mkdir -p $(BUILD_DIR)
	arm-none-eabi-gcc $(MACHINE) $(MXC_OPTIMIZE_CFLAGS) -Werror $(PROJ_CFLAGS) $(IPATH:%=-I%) -c $< -o $@

.DEFAULT_GOAL :=
.PHONY: all
all: $(BUILD_DIR)/$(PROJECT).elf

$(BUILD_DIR)/$(PROJECT).elf: $(OBJS)
	arm-none-eabi-gcc $(MACHINE) -nostartfiles --specs=nano.specs -T $(LINKERFILE) $(OBJS) -o $@
