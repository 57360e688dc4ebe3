# Weir. For people: all, run, demo, test, check, clean.
#
# A variant (another compiler, a sanitizer) is a build folder and flags:
#	make BUILD=build/clang CC=clang

BUILD    = build
CFLAGS   = -O2 -g
WARNINGS = -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wsign-conversion \
	   -Wstrict-prototypes -Wmissing-prototypes -Wcast-qual -Wcast-align \
	   -Wpointer-arith -Wwrite-strings -Wundef -Wvla -Wformat=2 \
	   -Wnull-dereference -Wswitch-enum
DEFINES  = -D_GNU_SOURCE
COMPILE  = $(CC) -std=c11 $(DEFINES) $(PATHS_$(patsubst %/,%,$(dir $<))) \
	   -fno-plt $(WARNINGS) $(CFLAGS)

# What each room may include, beside itself: a wrong include does not compile.
PATHS_src/lib       = -Iinclude
PATHS_src/common    =
PATHS_src/server    = -Iinclude -Isrc/common
PATHS_src/client    = -Iinclude -Isrc/common
PATHS_src/demo      = -Iinclude -Isrc/common
PATHS_bench/flood   = -Iinclude -Isrc/common
PATHS_bench         = -Iinclude
PATHS_bench/peers   =
PATHS_bench/giver   = -Iinclude
PATHS_tests         = -Iinclude -Isrc/server
PATHS_tests/harness = -Iinclude -Isrc/lib
PATHS_tests/lib     = -Iinclude -Isrc/lib -Itests/harness
PATHS_tests/common  = -Isrc/common -Itests/harness
PATHS_tests/server  = -Iinclude -Isrc/server -Isrc/common -Itests/harness
PATHS_tests/client  = -Iinclude -Isrc/client -Isrc/common -Itests/harness
PATHS_tests/demo    = -Iinclude -Isrc/demo -Isrc/common -Itests/harness
PATHS_tests/flood   = -Iinclude -Ibench/flood -Isrc/common -Itests/harness

objects  = $(patsubst %.c,$(BUILD)/%.o,$(wildcard $(1)))
LIB      = $(call objects,src/lib/*.c)
SERVER   = $(call objects,src/server/*.c)
CLIENT   = $(call objects,src/client/*.c)
COMMON   = $(call objects,src/common/*.c)
SHARED   = $(BUILD)/libcommon.a $(BUILD)/libweir.a
DEMO     = $(call objects,src/demo/*.c)
FLOOD    = $(call objects,bench/flood/*.c)
PROGRAMS = $(addprefix $(BUILD)/,weir-server weir-client weir-flood \
	   send-vs-sendall)
# A test binary a room. They link the shipped objects, with fault.o in place of
# sys.o.
TESTED   = lib common server client demo flood
TESTS    = $(TESTED:%=$(BUILD)/%-tests)
HARNESS  = $(call objects,tests/harness/*.c) $(filter-out %/sys.o,$(LIB))
OF_lib    =
OF_common = $(COMMON)
OF_server = $(filter-out %/main.o,$(SERVER)) $(COMMON)
OF_client = $(COMMON)
OF_demo   = $(filter-out %/main.o,$(DEMO)) $(COMMON)
OF_flood  = $(filter-out %/main.o,$(FLOOD)) $(COMMON)
SOURCES  = $(wildcard include/*.h include/weir/*.h src/*/*.[ch] tests/*.[ch] \
	   tests/*/*.[ch] bench/*.[ch] bench/*/*.[ch])
# For tools that read one file at a time, whatever its room.
ALL_PATHS = -Iinclude $(addprefix -I,$(wildcard src/* bench/flood))

# The demonstration counts its server's system calls at the door, in
# src/demo/calls.c.
CALLS    = send sendmsg recv epoll_ctl epoll_wait timerfd_settime syscall \
	   accept4 setsockopt getsockopt shutdown close fcntl ioctl
COUNTED  = $(CALLS:%=-Wl,--wrap=%)

GATES    = $(addprefix check-,format gcc clang musl tidy cppcheck tests \
	   old-kernel sanitizers threads)

.PHONY: all run demo test check clean criterion gates $(GATES)
.DELETE_ON_ERROR:

all: $(BUILD)/libweir.a $(PROGRAMS)

run: all
	$(BUILD)/weir-server

# The contest and the trace; with ALL=1 the lessons too.
demo: $(BUILD)/send-vs-sendall
	$(BUILD)/send-vs-sendall $(if $(ALL),--all)

test: criterion all
	$(MAKE) --no-print-directory BUILD=$(BUILD) $(TESTS) \
		$(BUILD)/old-kernel
	@for room in $(TESTED); do \
		ASAN_OPTIONS=abort_on_error=1 WEIR_BUILD=$(BUILD) \
		LSAN_OPTIONS=suppressions=tests/leaks.supp:print_suppressions=0 \
		$(TEST_UNDER) $(BUILD)/$$room-tests --timeout 120 $(TEST_ARGS) \
			|| failed="$$failed $$room"; \
	done; \
	[ -z "$$failed" ] || { echo "test: failed:$$failed"; exit 1; }

$(BUILD)/libweir.a: $(LIB)
	$(AR) rcs $@ $^

$(BUILD)/libcommon.a: $(COMMON)
	$(AR) rcs $@ $^

$(BUILD)/weir-server: $(SERVER) $(SHARED)
	$(CC) $(CFLAGS) $(LDFLAGS) -o $@ $^ -lpthread

$(BUILD)/weir-client: $(CLIENT) $(SHARED)
	$(CC) $(CFLAGS) $(LDFLAGS) -o $@ $^

$(BUILD)/weir-flood: $(FLOOD) $(SHARED)
	$(CC) $(CFLAGS) $(LDFLAGS) -o $@ $^ -lm

$(BUILD)/send-vs-sendall: $(DEMO) $(SHARED)
	$(CC) $(CFLAGS) $(LDFLAGS) $(COUNTED) -o $@ $^ -lpthread -lm

.SECONDEXPANSION:
$(TESTS): $(BUILD)/%-tests: $(HARNESS) $$(call objects,tests/%/*.c) $$(OF_$$*)
	$(CC) $(CFLAGS) $(LDFLAGS) $(if $(filter demo,$*),$(COUNTED)) -o $@ $^ \
		-lcriterion -lpthread -lm

# Runs a program as if the kernel lacked every system call newer than 5.4.
$(BUILD)/old-kernel: $(BUILD)/tests/old_kernel.o
	$(CC) $(CFLAGS) $(LDFLAGS) -o $@ $^

$(BUILD)/threads: $(BUILD)/tests/threads.o $(BUILD)/src/server/board.o \
		 $(BUILD)/libweir.a
	$(CC) $(CFLAGS) $(LDFLAGS) -o $@ $^ -lpthread

$(BUILD)/bench/%: $(BUILD)/bench/%.o $(BUILD)/libweir.a
	$(CC) $(CFLAGS) $(LDFLAGS) -o $@ $^

$(BUILD)/%.o: %.c Makefile
	@mkdir -p $(@D)
	$(COMPILE) -MMD -MP -c -o $@ $<

criterion:
	@tests/install-criterion

# Each gate stands alone: make check-tidy, say.
check: $(GATES)
	@echo "check: all gates passed"

gates:
	@echo $(GATES)

check-format:
	clang-format --dry-run -Werror $(SOURCES)

check-gcc:
	$(MAKE) BUILD=build/gcc CC=gcc CFLAGS="-O2 -g -Werror" all

check-clang:
	$(MAKE) BUILD=build/clang CC=clang CFLAGS="-O2 -g -Werror" all

check-musl:
	$(MAKE) BUILD=build/musl CC=musl-gcc CFLAGS="-O2 -g -Werror" all

# One file at a time: given several, clang-tidy 14 takes every va_list but the
# first file's for uninitialised.
check-tidy:
	printf '%s\n' $(filter src/%.c bench/flood/%.c,$(SOURCES)) | \
		xargs -P 2 -I FILE \
		clang-tidy --quiet FILE -- -std=c11 $(DEFINES) $(ALL_PATHS)

check-cppcheck:
	cppcheck --quiet --std=c11 --error-exitcode=1 --inline-suppr \
		--enable=warning,performance,portability \
		$(DEFINES) $(ALL_PATHS) src bench/flood

check-tests:
	$(MAKE) CFLAGS="-O2 -g -Werror -DWEIR_CHECKS" BUILD=build/checks test

check-old-kernel:
	$(MAKE) BUILD=build/checks CFLAGS="-O2 -g -Werror -DWEIR_CHECKS" \
		TEST_UNDER=build/checks/old-kernel test

check-sanitizers:
	$(MAKE) BUILD=build/asan CFLAGS="-O1 -g -Werror -DWEIR_CHECKS \
		-fsanitize=address,undefined -fno-sanitize-recover=all \
		-fno-omit-frame-pointer" test

# What the threads of the library may do, and those of the server do.
check-threads:
	$(MAKE) BUILD=build/tsan CFLAGS="-O1 -g -Werror -fsanitize=thread" \
		build/tsan/threads build/tsan/weir-server
	build/tsan/threads
	$(MAKE) BUILD=build/checks CFLAGS="-O2 -g -Werror -DWEIR_CHECKS" \
		build/checks/server-tests
	WEIR_BUILD=build/tsan build/checks/server-tests --timeout 120 \
		--filter '@(server_workers|server_broadcast*|server_metrics)/*'

clean:
	rm -rf build

-include $(shell find $(BUILD) -name '*.d' 2>/dev/null)
