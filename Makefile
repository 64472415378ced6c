# The few commands a person needs; the build itself is CMake's (CMakeLists.txt, CMakePresets.json). CONFIGURE="-DCMAKE_C_FLAGS=-O3" and so on are
# given to it.
.PHONY: all demo test crash bench install clean

all: ## the release: libraries and the command in build/
	@scripts/packages build
	cmake --preset release $(CONFIGURE)
	cmake --build --preset release --target product

demo: all ## one process passes a picture to another, and what happens when the writer is killed
	@TARN_BUILD_DIR=$(CURDIR)/build scripts/demo.sh

test: ## every test that needs no second compiler
	@scripts/packages build test
	cmake --preset release $(CONFIGURE)
	cmake --build --preset release
	scripts/run-tests build

crash: ## kill processes at every named step, 100 times each
	@scripts/packages build test
	cmake --preset release $(CONFIGURE)
	cmake --build --preset release
	TARN_CRASH_RUNS=100 CHECK_LIMIT_FACTOR=100 scripts/run-tests build -L crash --timeout 36000

bench: ## Tarn beside what could be used instead; writes docs/performance.md. BENCH="--quick" and so on: see bench/run.py
	@scripts/packages build bench
	@scripts/packages peers
	cmake --preset bench
	cmake --build --preset bench
	python3 -B bench/run.py $(BENCH)

install: all
	cmake --install build

clean:
	rm -rf build build-*
