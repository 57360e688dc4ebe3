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
DEFINES  = -D_GNU_SOURCE -Iinclude -Isrc -Ibench
COMPILE  = $(CC) -std=c11 $(DEFINES) -fno-plt $(WARNINGS) $(CFLAGS)

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
# The tests link the shipped objects, with tests/fault.o in place of sys.o.
TESTS    = $(call objects,tests/test_*.c) $(call objects,tests/fault.c) \
	   $(call objects,tests/harness*.c) $(filter-out %/sys.o,$(LIB)) \
	   $(COMMON) $(filter-out %/main.o,$(SERVER) $(DEMO) $(FLOOD))
SOURCES  = $(wildcard include/*.h include/weir/*.h src/*/*.[ch] tests/*.[ch] \
	   bench/*.[ch] bench/*/*.[ch])

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
	$(MAKE) --no-print-directory BUILD=$(BUILD) $(BUILD)/weir-tests \
		$(BUILD)/old-kernel
	ASAN_OPTIONS=abort_on_error=1 WEIR_BUILD=$(BUILD) \
		LSAN_OPTIONS=suppressions=tests/leaks.supp:print_suppressions=0 \
		$(TEST_UNDER) $(BUILD)/weir-tests --timeout 120 $(TEST_ARGS)

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

$(BUILD)/weir-tests: $(TESTS)
	$(CC) $(CFLAGS) $(LDFLAGS) $(COUNTED) -o $@ $^ -lcriterion -lpthread -lm

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
		clang-tidy --quiet FILE -- -std=c11 $(DEFINES)

check-cppcheck:
	cppcheck --quiet --std=c11 --error-exitcode=1 --inline-suppr \
		--enable=warning,performance,portability \
		$(DEFINES) src bench/flood

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
		build/checks/weir-tests
	WEIR_BUILD=build/tsan build/checks/weir-tests --timeout 120 \
		--filter '@(server_workers|server_broadcast*|server_metrics)/*'

clean:
	rm -rf build

-include $(shell find $(BUILD) -name '*.d' 2>/dev/null)
