# Weir. For people: all, examples, run, demo, test, check, html, deb, install,
# uninstall, clean; and what takes longer: fuzz, chaos, soak, slow-link,
# model, coverage, analysis, memcheck, bench (bench-deps, bench-counts).
# With V=1 each command is shown.
#
# A variant (another compiler, a sanitizer) is a build folder and flags:
#	make BUILD=build/clang CC=clang

# One goal is made on all processors, several one after the other.
ifeq ($(MAKELEVEL)$(word 2,$(MAKECMDGOALS))$(filter -j%,$(MAKEFLAGS)),0)
MAKEFLAGS += -j$(shell nproc)
endif
MAKEFLAGS += --no-print-directory

BUILD    = build
CFLAGS   = -O2 -g
WARNINGS = -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wsign-conversion \
	   -Wstrict-prototypes -Wmissing-prototypes -Wcast-qual -Wcast-align \
	   -Wpointer-arith -Wwrite-strings -Wundef -Wvla -Wformat=2 \
	   -Wnull-dereference -Wswitch-enum
DEFINES  = -D_GNU_SOURCE -D_FILE_OFFSET_BITS=64
COMPILE  = $(CC) -std=c11 $(DEFINES) $(PATHS_$(patsubst %/,%,$(dir $<))) \
	   -fno-plt $(PLACED) $(HARDENED) $(WARNINGS) $(CFLAGS)
LINK     = $(CC) $(if $(filter %.so,$@),-shared,-pie) -Wl,-z,relro,-z,now \
	   $(CFLAGS) $(LDFLAGS) -o $@ $^
# Where code may be loaded: anywhere.
PLACED   = -fPIE
# A bug that remains should end the program, not give it away. Fortified
# functions need optimization, and hide calls from sanitizers.
ON_X86  := $(if $(filter x86_64-% i%86-%,$(shell $(CC) -dumpmachine)),y)
HARDENED = -fstack-protector-strong \
	   $(if $(ON_X86),-fstack-clash-protection -fcf-protection) \
	   $(if $(filter -O1 -O2 -O3 -Os,$(CFLAGS)),$(if \
	   $(findstring -fsanitize=,$(CFLAGS))$(findstring FORTIFY,$(CFLAGS)),,\
	   -U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=2))
SANITIZED = -O1 -g -Werror -DWEIR_CHECKS -fsanitize=address,undefined \
	   -fno-sanitize-recover=all -fno-omit-frame-pointer
# In front of a command: its short line, but for V=1 and for make -s.
BARE     = $(V)$(findstring s,$(firstword -$(MAKEFLAGS)))
say      = $(if $(BARE),,@echo '$(1)';)

# What each room may include, beside itself: a wrong include does not compile.
PATHS_src/lib       = -Iinclude
PATHS_src/common    = -Iinclude
PATHS_src/server    = -Iinclude -Isrc/common
PATHS_src/server/service = $(PATHS_src/server) -Isrc/server
PATHS_src/server/service/broadcast = $(PATHS_src/server/service)
PATHS_src/server/service/metrics   = $(PATHS_src/server/service)
PATHS_src/server/service/relay     = $(PATHS_src/server/service)
PATHS_src/client    = -Iinclude -Isrc/common
PATHS_src/demo      = -Iinclude -Isrc/common
PATHS_bench/flood   = -Iinclude -Isrc/common
PATHS_bench         = -Iinclude
PATHS_bench/peers   =
PATHS_bench/giver   = -Iinclude -Ibench/peers
PATHS_tests         = -Iinclude -Isrc/server/service/broadcast
PATHS_tests/harness = -Iinclude -Isrc/lib
PATHS_tests/lib     = -Iinclude -Isrc/lib -Itests/harness
PATHS_tests/common  = -Iinclude -Isrc/common -Itests/harness
PATHS_tests/server  = $(PATHS_src/server/service) \
		      -Isrc/server/service/broadcast -Itests/harness
PATHS_tests/client  = -Iinclude -Isrc/client -Isrc/common -Itests/harness
PATHS_tests/demo    = -Iinclude -Isrc/demo -Isrc/common -Itests/harness
PATHS_tests/install = -Iinclude -Itests/harness
PATHS_tests/fuzz    = -Iinclude -Isrc/lib -Isrc/common -Isrc/server \
		      -Isrc/server/service/broadcast -Ibench/flood \
		      -Itests/harness
PATHS_tests/flood   = -Iinclude -Ibench/flood -Isrc/common -Itests/harness

objects  = $(patsubst %.c,$(BUILD)/%.o,$(wildcard $(1)))
LIB      = $(call objects,src/lib/*.c)
SERVER   = $(call objects,$(addprefix src/server/,*.c */*.c */*/*.c)) $(HTML)
# The live page, as an array.
HTML     = $(BUILD)/src/server/service/metrics/page_html.o
CLIENT   = $(call objects,src/client/*.c)
COMMON   = $(call objects,src/common/*.c)
LINKED   = $(BUILD)/libcommon.a $(BUILD)/libweir.a
DEMO     = $(call objects,src/demo/*.c)
FLOOD    = $(call objects,bench/flood/*.c)
PROGRAMS = $(addprefix $(BUILD)/,weir-server weir-client weir-flood \
	   send-vs-sendall)
# A test binary a room. They link the shipped objects, with fault.o in place of
# sys.o.
TESTED   = lib common server client demo flood install
TESTS    = $(TESTED:%=$(BUILD)/%-tests)
HARNESS  = $(call objects,tests/harness/*.c) $(filter-out %/sys.o,$(LIB))
OF_server = $(filter-out %/main.o,$(SERVER))
OF_demo   = $(filter-out %/main.o,$(DEMO))
OF_flood  = $(filter-out %/main.o,$(FLOOD))
HEADERS  = $(wildcard include/*.h include/weir/*.h)
SOURCES  = $(HEADERS) $(wildcard src/*/*.[ch] src/*/*/*.[ch] \
	   src/*/*/*/*.[ch] tests/*.[ch] tests/*/*.[ch] \
	   bench/*.[ch] bench/*/*.[ch] docs/examples/*.c docs/examples/*/*.c)
# For tools that read one file at a time, whatever its room.
ALL_PATHS = -Iinclude $(addprefix -I,$(wildcard src/* src/*/service \
	    src/*/service/*/ bench/flood))

# The demonstration counts its server's system calls at the door, in
# src/demo/calls.c.
CALLS    = send sendmsg recv epoll_ctl epoll_wait timerfd_settime syscall \
	   accept4 setsockopt getsockopt shutdown close fcntl ioctl
COUNTED  = $(CALLS:%=-Wl,--wrap=%)

# The manual of the library, a page a noun, in the headers' reading order. Each
# function has a link to the page that describes it.
NOUNS   := $(shell sed -n 's|^.include <weir/\(.*\)\.h>|\1|p' include/weir.h)
READ     = include/weir.h $(NOUNS:%=include/weir/%.h)
PAGES    = $(BUILD)/man/weir.3 $(NOUNS:%=$(BUILD)/man/weir_%.3)
# Where a page is installed.
manual   = $(MANDIR)/man$(subst .,,$(suffix $(1)))/$(notdir $(1))

# Where install puts things. DESTDIR comes before each, and is in no file.
PREFIX     = /usr/local
BINDIR     = $(PREFIX)/bin
LIBDIR     = $(PREFIX)/lib
INCLUDEDIR = $(PREFIX)/include
MANDIR     = $(PREFIX)/share/man
UNITDIR    = $(PREFIX)/lib/systemd/system
COMPLETDIR = $(PREFIX)/share/bash-completion/completions
INSTALL    = install

VERSION   := $(shell sed -n 's/.*WEIR_VERSION "\(.*\)"/\1/p' \
	     include/weir/version.h)
SONAME     = libweir.so.$(firstword $(subst ., ,$(VERSION)))
MANUALS    = $(wildcard docs/*.[1-9])
UNITS      = $(wildcard docs/systemd/*)
INSTALLED  = $(PROGRAMS:$(BUILD)/%=$(BINDIR)/%) \
	     $(addprefix $(LIBDIR)/,libweir.a libweir.so $(SONAME) \
	     libweir.so.$(VERSION) pkgconfig/weir.pc) \
	     $(HEADERS:include/%=$(INCLUDEDIR)/%) \
	     $(foreach page,$(MANUALS) $(PAGES),$(call manual,$(page))) \
	     $(UNITS:docs/systemd/%=$(UNITDIR)/%) \
	     $(PROGRAMS:$(BUILD)/%=$(COMPLETDIR)/%)

# Built as a user's programs are: against an installed tree, with what
# pkg-config says of it.
EXAMPLES = $(patsubst docs/%.c,$(BUILD)/%,$(filter-out $(UNABLE),$(wildcard \
	   docs/examples/*.c docs/examples/*/*.c)))
# Those with somebody else's library are built where pkg-config finds it.
OTHERS_tls-echo  = openssl
OTHERS_glib-echo = glib-2.0
UNABLE   = $(foreach example,tls-echo glib-echo,$(if $(shell pkg-config \
	   --exists $(OTHERS_$(example)) 2>&1 || echo none),\
	   docs/examples/$(example).c))
ROOT     = $(abspath $(BUILD))/examples-root

GATES    = $(addprefix check-,format rooms headers docs deb gcc clang musl \
	   m32 tidy cppcheck tests old-kernel sanitizers threads fuzz scaling \
	   model counts page)

.PHONY: all examples run demo test check html deb install uninstall clean criterion gates \
	$(GATES)
.DELETE_ON_ERROR:

all: $(BUILD)/libweir.a $(BUILD)/libweir.so $(PROGRAMS) $(BUILD)/man/links

run: $(BUILD)/weir-server $(BUILD)/weir-client
	$(call say,$<)$<

# The contest and the trace; with ALL=1 the lessons too. With LIVE=1 a server
# and its clients, to look at in a browser.
demo: $(addprefix $(BUILD)/,$(if $(LIVE),weir-server weir-client,\
		send-vs-sendall))
	$(if $(LIVE),@src/demo/live $(BUILD),\
		$(BUILD)/send-vs-sendall $(if $(ALL),--all))

test: criterion all
	@$(MAKE) $(TESTS) $(BUILD)/old-kernel
	@for room in $(TESTED); do \
		ASAN_OPTIONS=abort_on_error=1 WEIR_BUILD=$(BUILD) \
		LSAN_OPTIONS=suppressions=tests/leaks.supp:print_suppressions=0 \
		$(TEST_UNDER) $(BUILD)/$$room-tests --timeout 120 $(TEST_ARGS) \
			|| failed="$$failed $$room"; \
	done; \
	[ -z "$$failed" ] || { echo "test: failed:$$failed"; exit 1; }

$(BUILD)/libweir.a: $(LIB)
	@rm -f $@
	$(call say,AR $@)$(AR) rcs $@ $^

# The same objects are in both libraries. What the shared one exports is what
# the public headers declare.
$(LIB): PLACED = -fPIC -fno-semantic-interposition -fvisibility=hidden

$(BUILD)/libweir.so: $(LIB)
	$(call say,LD $@)$(LINK) -Wl,-soname,$(SONAME)

$(BUILD)/libcommon.a: $(COMMON)
	@rm -f $@
	$(call say,AR $@)$(AR) rcs $@ $^

$(BUILD)/weir-server: $(SERVER) $(LINKED)
	$(call say,LD $@)$(LINK) -lpthread

$(BUILD)/weir-client: $(CLIENT) $(LINKED)
	$(call say,LD $@)$(LINK)

$(BUILD)/weir-flood: $(FLOOD) $(LINKED)
	$(call say,LD $@)$(LINK) -lm

$(BUILD)/send-vs-sendall: $(DEMO) $(LINKED)
	$(call say,LD $@)$(LINK) $(COUNTED) -lpthread -lm

.SECONDEXPANSION:
$(TESTS): $(BUILD)/%-tests: $(HARNESS) $$(call objects,tests/%/*.c) \
		$$(OF_$$*) $(BUILD)/libcommon.a
	$(call say,LD $@)$(LINK) $(if $(filter demo,$*),$(COUNTED)) \
		-lcriterion -lpthread -lm

# A fuzzer is one file over the same objects, from an archive, of which each
# takes what it needs.
FUZZERS  = $(patsubst tests/fuzz/%.c,$(BUILD)/fuzz-%,$(wildcard tests/fuzz/*.c))

.PHONY: fuzzers fuzz
fuzzers: $(FUZZERS)

$(FUZZERS): $(BUILD)/fuzz-%: $(BUILD)/tests/fuzz/%.o $(BUILD)/libfuzzed.a \
		$(BUILD)/libcommon.a
	$(call say,LD $@)$(LINK) -fsanitize=fuzzer -lm

# Objects of several rooms have the same name: q adds where r would replace.
$(BUILD)/libfuzzed.a: $(HARNESS) $(OF_flood) $(OF_server)
	@rm -f $@
	$(call say,AR $@)$(AR) qcs $@ $^

# Each for TIME seconds, from the corpora beside it and what earlier runs found;
# with a SEED from the former alone, and so the same inputs each time. With
# SANITIZE=memory for the use of uninitialised memory.
fuzz: TIME = 60
SEED     =
SANITIZE = address,undefined,float-cast-overflow
FUZZED   = build/fuzz$(if $(filter memory,$(SANITIZE)),-memory)
fuzz:
	@tests/install-tool clang clang libclang-rt-14-dev
	@$(MAKE) BUILD=$(FUZZED) CC=clang CFLAGS="-O1 -g -Werror -DWEIR_CHECKS \
		-fsanitize=fuzzer-no-link,$(SANITIZE) \
		-fno-sanitize-recover=all -fno-omit-frame-pointer" fuzzers
	@tests/fuzz/run $(FUZZED) '$(TIME)' $(SEED)

# weir-server under a kernel that fails by a seed, in front of sys.c.
FAILING  = send sendmsg sendmmsg recv recvmmsg read accept4 connect \
	   epoll_wait close
SEEDS    = 20

$(BUILD)/weir-server-chaos: $(BUILD)/tests/chaos/chaos.o $(SERVER) $(LINKED)
	$(call say,LD $@)$(LINK) $(FAILING:%=-Wl,--wrap=%) -lpthread

.PHONY: chaos
chaos:
	@$(MAKE) BUILD=build/asan CFLAGS="$(SANITIZED)" \
		build/asan/weir-server-chaos build/asan/weir-flood
	@tests/chaos/run build/asan $$(seq $(SEEDS))

# 2,400 connections, well and badly behaved, for TIME; all bytes are checked.
.PHONY: soak slow-link scaling
soak: TIME = 5m
soak: all $(BUILD)/examples/httpd
	@tests/soak/run $(BUILD) '$(TIME)'

# Over a link of 1 Mbit/s, in network namespaces, where those are permitted.
slow-link: all
	@tests/slow-link/run $(BUILD)

# What docs/scaling.md says, done in network namespaces.
scaling: all
	@tests/scaling/run $(BUILD)

# The model of arming EPOLLOUT, in every interleaving.
.PHONY: model coverage analysis memcheck
model:
	@tests/install-tool spin spin
	@docs/model/run build/model

# Branches of the library that its tests alone take; assertions left out.
coverage: criterion
	@tests/install-tool gcovr gcovr
	@rm -rf build/coverage
	@$(MAKE) BUILD=build/coverage CFLAGS="-O0 -g --coverage" \
		build/coverage/lib-tests build/coverage/old-kernel
	@WEIR_BUILD=build/coverage build/coverage/lib-tests --timeout 120 \
		--filter '!(examples|exports|symbols)/*'
	@gcovr --root . --filter src/lib/ --object-directory build/coverage \
		--branches --exclude-unreachable-branches \
		--exclude-lines-by-pattern '.*assert\(.*' \
		--exclude src/lib/conn_check.c \
		build/coverage/src/lib build/coverage/tests/harness

# What gcc's analyzer finds; docs/testing.md says what of it is known.
analysis:
	@for file in $(filter src/%.c,$(SOURCES)); do \
		gcc -std=c11 $(DEFINES) $(ALL_PATHS) -O2 -fanalyzer -c \
			-o /dev/null $$file || exit; \
	done

# The library's tests under valgrind, which takes the fortified memmove for a
# memcpy. SUITES is a pattern of Criterion's.
SUITES   = !(examples|exports|symbols|loop_timing*)
memcheck: criterion
	@tests/install-tool valgrind valgrind
	@$(MAKE) BUILD=build/memcheck CFLAGS="-O1 -g -D_FORTIFY_SOURCE=0" \
		build/memcheck/lib-tests
	valgrind --trace-children=yes --quiet --error-exitcode=9 \
		--suppressions=tests/memcheck.supp --leak-check=no \
		build/memcheck/lib-tests --filter '$(SUITES)/*' --timeout 1200

# Weir beside others: tables, and Markdown, JSON and plots in
# $(BUILD)/bench/report. bench-counts has what repeats, of Weir alone, and fails
# beyond a limit; bench-deps installs the others.
.PHONY: bench bench-counts bench-deps
bench:
	@BUILD=$(BUILD) bench/suite

bench-counts:
	@tests/install-tool valgrind valgrind
	@tests/install-tool strace strace
	@BUILD=$(BUILD) bench/suite counts

bench-deps:
	@bench/install

# Runs a program as if the kernel lacked every system call newer than 5.4.
$(BUILD)/old-kernel: $(BUILD)/tests/old_kernel.o
	$(call say,LD $@)$(LINK)

$(BUILD)/threads: $(BUILD)/tests/threads.o $(filter %/ring.o,$(SERVER)) \
		 $(BUILD)/libweir.a
	$(call say,LD $@)$(LINK) -lpthread

$(BUILD)/bench/%: $(BUILD)/bench/%.o $(BUILD)/libweir.a
	$(call say,LD $@)$(LINK)

$(BUILD)/%.o: %.c Makefile
	@mkdir -p $(@D)
	$(call say,CC $<)$(COMPILE) -MMD -MP -c -o $@ $<

$(HTML:.o=.c): src/server/service/metrics/page.html Makefile
	@mkdir -p $(@D)
	$(call say,OD $<){ echo '#include "page_html.h"'; \
		echo 'const unsigned char page_html[] = {'; \
		od -An -v -tu1 $< | sed 's/[0-9][0-9]*/&,/g'; \
		echo '};'; \
		echo 'const size_t page_html_size = sizeof page_html;'; } >$@

$(HTML): $(HTML:.o=.c)
	$(call say,CC $<)$(COMPILE) -MMD -MP -Isrc/server/service/metrics \
		-c -o $@ $<

examples: $(EXAMPLES)

$(ROOT)/lib/pkgconfig/weir.pc: $(BUILD)/libweir.a $(BUILD)/libweir.so \
		$(PROGRAMS) $(HEADERS)
	@$(MAKE) -s install DESTDIR= PREFIX=$(ROOT)

$(BUILD)/examples/%: docs/examples/%.c $(ROOT)/lib/pkgconfig/weir.pc
	@mkdir -p $(@D)
	$(call say,CC $@)$(CC) $(WARNINGS) -Wno-unused-parameter $(CFLAGS) \
		-o $@ $< $(LDFLAGS) -pthread -Wl,-rpath,$(ROOT)/lib \
		$$(PKG_CONFIG_PATH=$(ROOT)/lib/pkgconfig \
		pkg-config --cflags --libs weir $(OTHERS_$(*F)))

$(BUILD)/man/links: docs/manual/manual.awk docs/weir.7 $(HEADERS)
	@mkdir -p $(@D)
	$(call say,AWK $@)awk -v out=$(@D) -v version=$(VERSION) \
		-v "date=$$(sed -n 's/^\.Dd //p' docs/weir.7)" \
		-f docs/manual/manual.awk $(READ) >$@

html: $(BUILD)/man/links
	$(call say,HTML $(BUILD)/html)docs/html/make.sh $(BUILD)/html $(BUILD)/man

# Debian packages, in $(BUILD)/deb, from a copy of what they are made of.
deb:
	@command -v dh >/dev/null || \
		{ echo 'make deb: dh is not here (Debian: debhelper)'; exit 1; }
	@rm -rf $(BUILD)/deb
	@mkdir -p $(BUILD)/deb/weir
	cp -R Makefile README.md LICENSE bench docs include src $(BUILD)/deb/weir
	cp -R docs/debian $(BUILD)/deb/weir
	cd $(BUILD)/deb/weir && env -u MAKEFLAGS -u MAKELEVEL -u BUILD \
		dpkg-buildpackage --build=binary --no-sign

criterion:
	@tests/install-criterion

install: all
	$(INSTALL) -d $(sort $(dir $(INSTALLED:%=$(DESTDIR)%)))
	$(INSTALL) -m 755 $(PROGRAMS) $(DESTDIR)$(BINDIR)
	$(INSTALL) -m 644 $(BUILD)/libweir.a $(DESTDIR)$(LIBDIR)
	$(INSTALL) -m 755 $(BUILD)/libweir.so \
		$(DESTDIR)$(LIBDIR)/libweir.so.$(VERSION)
	ln -sf libweir.so.$(VERSION) $(DESTDIR)$(LIBDIR)/$(SONAME)
	ln -sf $(SONAME) $(DESTDIR)$(LIBDIR)/libweir.so
	$(INSTALL) -m 644 include/*.h $(DESTDIR)$(INCLUDEDIR)
	$(INSTALL) -m 644 include/weir/*.h $(DESTDIR)$(INCLUDEDIR)/weir
	$(INSTALL) -m 644 $(filter %.1,$(MANUALS)) $(DESTDIR)$(MANDIR)/man1
	$(INSTALL) -m 644 $(filter %.7,$(MANUALS)) $(DESTDIR)$(MANDIR)/man7
	$(INSTALL) -m 644 $(PAGES) $(DESTDIR)$(MANDIR)/man3
	while read -r function page; do \
		ln -sf $$page.3 $(DESTDIR)$(MANDIR)/man3/$$function.3 || exit; \
	done <$(BUILD)/man/links
	sed -e 's|@PREFIX@|$(PREFIX)|; s|@LIBDIR@|$(LIBDIR)|' \
		-e 's|@INCLUDEDIR@|$(INCLUDEDIR)|; s|@VERSION@|$(VERSION)|' \
		src/lib/weir.pc.in | $(INSTALL) -m 644 /dev/stdin \
		$(DESTDIR)$(LIBDIR)/pkgconfig/weir.pc
	for unit in $(notdir $(UNITS)); do \
		sed 's|/usr/local/bin/|$(BINDIR)/|' docs/systemd/$$unit | \
			$(INSTALL) -m 644 /dev/stdin \
			$(DESTDIR)$(UNITDIR)/$$unit || exit; \
	done
	$(INSTALL) -m 644 docs/completion/weir.bash \
		$(DESTDIR)$(COMPLETDIR)/weir-server
	for program in weir-client weir-flood send-vs-sendall; do \
		ln -sf weir-server $(DESTDIR)$(COMPLETDIR)/$$program || exit; \
	done

uninstall: $(BUILD)/man/links
	rm -f $(INSTALLED:%=$(DESTDIR)%)
	while read -r function page; do \
		rm -f $(DESTDIR)$(MANDIR)/man3/$$function.3; \
	done <$(BUILD)/man/links
	rmdir $(DESTDIR)$(INCLUDEDIR)/weir 2>/dev/null || true

# Each gate stands alone: make check-tidy, say.
check:
	@for gate in $(GATES); do \
		echo "== $$gate"; $(MAKE) $$gate || exit; \
	done
	@echo "check: all gates passed"

gates:
	@echo $(GATES)

check-format:
	@clang-format --dry-run -Werror $(SOURCES)

# A room's header is included by its name alone, from where PATHS allow it, and
# a public header includes public headers.
check-rooms:
	@! grep -nE '# *include *"[^"]*/' $(SOURCES)
	@! grep -nE '# *include *"' $(HEADERS)
	@! grep -nwE 'off_t|time_t|ino_t|struct (stat|timespec|timeval)' $(HEADERS)

check-headers:
	@tests/check-headers

# The manuals that a page mentions need not be installed here. Those of programs
# have no date. What the guides name is there.
check-docs: html
	@! mandoc -Tlint $(PAGES) $(filter-out %.1,$(MANUALS)) 2>&1 | \
		grep -vE 'referenced manual not found|outdated mandoc.db'
	@! mandoc -Tlint -W warning $(filter %.1,$(MANUALS)) | \
		grep -v 'missing date'
	@find $(BUILD)/html -name '*.html' | xargs awk -f docs/html/check.awk
	@for name in $$(grep -oh '\<weir_[a-z_]*[a-z]' docs/guide.md \
			docs/porting.md docs/tutorial.md | sort -u); do \
		grep -rqw $$name include docs/weir-server.1 || \
			{ echo "docs: there is no $$name"; exit 1; }; \
	done

check-deb:
	@tests/install/packages.sh

check-gcc:
	$(MAKE) BUILD=build/gcc CC=gcc CFLAGS="-O2 -g -Werror" all

check-clang:
	$(MAKE) BUILD=build/clang CC=clang CFLAGS="-O2 -g -Werror" all

check-musl:
	$(MAKE) BUILD=build/musl CC=musl-gcc CFLAGS="-O2 -g -Werror" all

# The tests of any build can start the programs of another.
check-m32:
	$(MAKE) BUILD=build/m32 CFLAGS="-O2 -g -m32 -Werror -Wno-psabi" \
		all build/m32/examples/httpd
	$(MAKE) BUILD=build/checks CFLAGS="-O2 -g -Werror -DWEIR_CHECKS" \
		build/checks/client-tests
	WEIR_BUILD=build/m32 build/checks/client-tests --timeout 120
	E=build/m32/examples WEIR_BUILD=build/m32 \
		sh tests/install/examples.sh httpd_serves_a_large_file 3G

# One file at a time: given several, clang-tidy 14 takes every va_list but the
# first file's for uninitialised.
check-tidy:
	@printf '%s\n' $(filter src/%.c bench/flood/%.c,$(SOURCES)) | \
		xargs -P 2 -I FILE \
		clang-tidy --quiet FILE -- -std=c11 $(DEFINES) $(ALL_PATHS)

check-cppcheck:
	cppcheck --quiet --std=c11 --error-exitcode=1 --inline-suppr \
		--enable=warning,performance,portability \
		$(DEFINES) $(ALL_PATHS) src bench/flood

check-tests:
	$(MAKE) CFLAGS="-O2 -g -Werror -DWEIR_CHECKS" BUILD=build/checks test

# The others go to the kernel through the library, or ask it for nothing new.
check-old-kernel:
	$(MAKE) BUILD=build/checks CFLAGS="-O2 -g -Werror -DWEIR_CHECKS" \
		TESTED='lib server client' \
		TEST_UNDER=build/checks/old-kernel test

check-sanitizers:
	$(MAKE) BUILD=build/asan CFLAGS="$(SANITIZED)" test

# What the threads of the library may do, and those of the server do.
check-threads:
	$(MAKE) BUILD=build/tsan CFLAGS="-O1 -g -Werror -fsanitize=thread" \
		build/tsan/threads build/tsan/weir-server
	build/tsan/threads
	$(MAKE) BUILD=build/checks CFLAGS="-O2 -g -Werror -DWEIR_CHECKS" \
		build/checks/server-tests
	WEIR_BUILD=build/tsan WEIR_SANITIZED=1 build/checks/server-tests \
		--timeout 120 --filter 'server_@(workers|broadcast*|events|nats*|metrics|live*|random_peers|hostile)/*'

check-fuzz:
	@$(MAKE) TIME=10 SEED=1 fuzz

check-scaling: scaling

check-model:
	@$(MAKE) model

check-counts:
	@$(MAKE) bench-counts

# The live page in Chromium; PICTURE=docs/live-page.png keeps a picture of it.
check-page: $(BUILD)/weir-server
	@python3 tests/browser/check_page.py $(BUILD) $(PICTURE)

clean:
	rm -rf build

-include $(shell find $(BUILD) -name '*.d' 2>/dev/null)
