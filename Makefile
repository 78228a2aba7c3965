# fer-edge: from a folder of faces to energy per inference on the MAX78000. `make help` lists the targets.

PYTHON ?= python3
NETWORK ?= synth_out/nano
DEMO := demo_out
DEMO_EPOCHS := 12
VENV := .venv
READY := $(VENV)/.ready
FER_EDGE := $(VENV)/bin/fer-edge

.DEFAULT_GOAL := help
.PHONY: help setup toolchain demo test test-slow benchmark firmware flash bench-zoo ship generate images clean

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

setup: $(READY) toolchain ## make .venv with everything in it, and install the Arm compiler if it is missing

$(READY): pyproject.toml setup.py
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "fer-edge needs Python 3.11 or newer; set PYTHON=...")'
	$(PYTHON) -m venv $(VENV)
	@echo "Downloading torch and the other packages of pyproject.toml into $(VENV), 6 GB once installed where torch comes with CUDA:"
	$(VENV)/bin/python -m pip install --disable-pip-version-check --editable '.[dev]'
	@touch $@

ARM_PACKAGES := gcc-arm-none-eabi libnewlib-arm-none-eabi
SUDO := $(shell [ "$$(id -u)" = 0 ] || echo "sudo -n")

toolchain:
	@command -v arm-none-eabi-gcc >/dev/null 2>&1 || { \
	  command -v apt-get >/dev/null 2>&1 && { $(SUDO) true; } 2>/dev/null \
	  && $(SUDO) apt-get update -qq && $(SUDO) env DEBIAN_FRONTEND=noninteractive apt-get install -y $(ARM_PACKAGES); } \
	|| { echo "make: the Arm compiler is missing: install $(ARM_PACKAGES) (Debian, Ubuntu) or Arm's GNU toolchain." >&2; exit 1; }

demo: setup ## drawn faces: train, synthesize, build, run on the virtual board, report (under 3 minutes)
	rm -rf $(DEMO)
	$(FER_EDGE) qat-train --arch fernet-nano --data drawn --epochs $(DEMO_EPOCHS) --output-dir $(DEMO)/train
	$(FER_EDGE) synth --checkpoint $(DEMO)/train/quantized.pth.tar --output-dir $(DEMO)/network
	@$(MAKE) --no-print-directory firmware NETWORK=$(DEMO)/network
	$(FER_EDGE) bench --port virtual --network $(DEMO)/network --data drawn --output-dir $(DEMO)/report
	@echo "A network that comes with fer-edge, of the same size, trained on photographs, not on drawn faces:"
	$(VENV)/bin/python docs/examples/agreement.py zoo:fernet-plus-nano

test: setup ## style, types, import rules and tests
	$(VENV)/bin/ruff check
	$(VENV)/bin/ruff format --check
	$(VENV)/bin/mypy
	$(VENV)/bin/lint-imports --no-logo
	$(VENV)/bin/python -m pytest -n 2 --timeout 300 -m 'not slow'

test-slow: setup ## the long tests
	FER_EDGE_HYPOTHESIS=thorough $(VENV)/bin/python -m pytest -n 2 -m slow --ignore tests/benchmarks

benchmark: setup ## speed, side by side with the alternatives
	$(VENV)/bin/python -m pytest -m slow tests/benchmarks -s

firmware: $(READY) toolchain ## build firmware/build/fer_edge.{elf,hex,bin} for NETWORK=folder of synth or zoo:NAME [MIRROR=1]
	@$(FER_EDGE) firmware --network "$(NETWORK)" --output-dir firmware/build$(if $(filter 1,$(MIRROR)), --mirror)

flash: $(READY) ## put firmware/build/fer_edge on a MAX78000FTHR
	@$(FER_EDGE) flash firmware/build

VOTES := $(if $(FERPLUS),--labels $(FERPLUS))

bench-zoo: $(READY) toolchain ## count anew what the shipped networks are worth: FER2013=folder or CSV [FERPLUS=votes]
	$(VENV)/bin/python -m fer_edge.maintenance.bench_zoo $(FER2013) $(VOTES) --port virtual

ship: $(READY) ## put a finished run into the zoo: RUN=runs/fernet NAME=fernet FER2013=folder or CSV [FERPLUS=votes]
	$(VENV)/bin/python -m fer_edge.maintenance.ship $(RUN) $(FER2013) $(NAME) $(VOTES)

generate: $(READY) ## write the firmware's generated headers and yaml_models/ anew
	$(VENV)/bin/python -m fer_edge.maintenance.generate

images: $(READY) ## make the README's pictures anew from what `make demo` wrote (needs chromium)
	$(VENV)/bin/python -m fer_edge.maintenance.images $(DEMO)

clean: ## remove what was built, and the demo with its training; other trainings stay
	rm -rf firmware/build $(DEMO) .pytest_cache .ruff_cache .mypy_cache .import_linter_cache .hypothesis
