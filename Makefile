# make         builds           make check  tests             make lint   ranks, headers, analyzers
# make run     bakes            make asan   tests, sanitized  make bench  measures
# make deps    installs the Debian packages that are missing             make fuzz   hostile input
BUILD ?= release
B := build/$(BUILD)
CC := gcc
PREFIX ?= /usr/local
VERSION := 0.1.0

FOLDERS := lib layers vm boot registry spec janitor bakery bakery/template bakery/bake bakery/cmd
SOURCES := $(foreach f,$(FOLDERS),$(wildcard $(f)/*.c))
HEADERS := $(foreach f,$(FOLDERS),$(wildcard $(f)/*.h))
LIBRARY := $(filter-out bakery/main.c,$(SOURCES))
# The release program loads most libraries when they are first called (docs/HACKING.md), where there are instructions for its
# architecture. Everything else links normally, but for test_lazy, which exists for it.
ifeq ($(BUILD),release)
LAZY_ARCH := $(wildcard $(patsubst %,lib/lazy_%.S,$(firstword $(subst -, ,$(shell $(CC) -dumpmachine)))))
LAZY := $(if $(LAZY_ARCH),$(shell sed 's/\#.*//' tools/lazy.list | awk 'NF { print $$1 }'))
endif
UNIT := $(filter-out $(if $(LAZY_ARCH),,%/test_lazy.c),$(wildcard tests/unit/*/test_*.c))
# Put into throw-away copies of images, so it is a program of its own, which needs nothing of them; its bytes are part of bakery.
AGENT := bakery/agent/agent.c
# Programs that system tests drive.
DRIVEN := $(filter-out $(wildcard tests/unit/*/test_*.c),$(wildcard tests/unit/*/*.c))

PKGS := jansson blkid libseccomp libcap libcrypto sqlite3 oniguruma libxml-2.0 libpng zlib liblzma liblz4 libvirt libvirt-qemu libssh libcurl libmicrohttpd gnutls libpq yaml-0.1 libcrypt
PKG_CFLAGS := $(shell pkg-config --cflags $(PKGS) 2>/dev/null)
PKG_LIBS := $(shell pkg-config --libs $(PKGS) 2>/dev/null)
WARN := -Wall -Wextra -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wpointer-arith -Wwrite-strings -Wvla \
        -Wno-missing-field-initializers
FLAGS_release := -O2 -g -D_FORTIFY_SOURCE=2 -fstack-protector-strong
FLAGS_debug := -O0 -g
FLAGS_asan := -O1 -g -fno-omit-frame-pointer -fsanitize=address,undefined -fno-sanitize-recover=undefined
CFLAGS_ALL = -std=gnu17 -D_GNU_SOURCE -D_FILE_OFFSET_BITS=64 -DBAKERY_VERSION='"$(VERSION)"' -DBAKERY_AGENT='"$(B)/agent"' -fPIE $(WARN) \
             $(FLAGS_$(BUILD)) -I. -I$(B) $(PKG_CFLAGS) $(CFLAGS)
LDFLAGS_ALL = -pie $(FLAGS_$(BUILD)) -Wl,-z,relro,-z,now -Wl,--as-needed $(LDFLAGS)
LIBS = $(PKG_LIBS) -lmruby -lm
PROGRAM_LIBS = $(filter-out $(LAZY:%=-l%),$(LIBS))
# Puts the spec engine's interpreter, as it is when it has started, into a program. Under ASan each starts anew.
SNAPSHOT := $(if $(filter asan,$(BUILD)),true,./tools/snapshot)

ifneq ($(V),1)
Q_CC = @echo "  CC $<";
Q_LD = @echo "  LD $@";
endif

OBJECTS := $(SOURCES:%.c=$(B)/%.o)
LIBOBJECTS := $(LIBRARY:%.c=$(B)/%.o)
UNITBINS := $(UNIT:%.c=$(B)/%)
DRIVENBINS := $(DRIVEN:%.c=$(B)/%)

.PHONY: all deps run check check-slow unit system lint asan bench install clean compile_commands.json ranks-check headers-check
.SECONDARY:
all: deps-check
	@$(MAKE) --no-print-directory $(B)/bin/bakery

# --- dependencies -----------------------------------------------------------
deps:
	@./tools/deps install all
deps-check:
	@./tools/deps check || ./tools/deps install
.PHONY: deps-check

# --- building ---------------------------------------------------------------
$(B)/bin/bakery: $(OBJECTS) $(if $(LAZY),$(B)/lazy.o)
	@mkdir -p $(@D)
	$(Q_LD)$(CC) $(LDFLAGS_ALL) -o $@ $^ $(PROGRAM_LIBS)
	@$(SNAPSHOT) $@

$(B)/lazy.S: $(OBJECTS) tools/lazy tools/lazy.list
	@./tools/lazy tools/lazy.list "$(CC)" $(OBJECTS) > $@.new && mv $@.new $@
$(B)/lazy.o: $(B)/lazy.S $(LAZY_ARCH)
	$(Q_CC)$(CC) -g -I. $(CFLAGS) -c -o $@ $<

$(B)/libbakery.a: $(LIBOBJECTS)
	@rm -f $@
	@ar rcs $@ $^

$(B)/%.o: %.c
	@mkdir -p $(@D)
	$(Q_CC)$(CC) $(CFLAGS_ALL) -MMD -MP -c -o $@ $<

# Ruby that the spec engine starts with, compiled to bytecode.
$(B)/spec/prelude_rb.h: $(wildcard spec/*.rb)
	@mkdir -p $(@D)
	mrbc -B spec_prelude_rb -o $@ $(sort $^)
$(B)/spec/engine.o: $(B)/spec/prelude_rb.h

# The pages' style sheet and script are part of the program as they are.
$(B)/registry/page.o build/fuzz/obj/registry/page.o: registry/page.css registry/page.js
$(B)/registry/openapi.o build/fuzz/obj/registry/openapi.o: registry/openapi.json

$(B)/agent: $(AGENT) $(AGENT:.c=.h)
	@mkdir -p $(@D)
	$(Q_CC)$(CC) -std=gnu17 -D_GNU_SOURCE -Os -ffunction-sections $(WARN) -I. -static -s -Wl,--gc-sections -o $@ $<
$(B)/bakery/bake/spec_boot_agent.o: $(B)/agent

$(B)/tests/unit/%: tests/unit/%.c $(B)/libbakery.a
	@mkdir -p $(@D)
	$(Q_CC)$(CC) $(CFLAGS_ALL) -MMD -MP -MF $@.d -o $@ $< $(B)/libbakery.a $(LDFLAGS_ALL) -lcmocka $(LIBS)
	@$(if $(filter spec/%,$*),$(SNAPSHOT) $@)

# test_lazy calls libraries of its own, of which one is not there when it runs and one lacks a function.
LAZY_TEST := $(B)/tests/unit/lib/lazy
$(LAZY_TEST)/liblazy_%.so: tests/unit/lib/lazy/%.c tests/unit/lib/lazy/lazy.h
	@mkdir -p $(@D)
	@$(CC) -O1 -fPIC -shared $(WARN) -I. -Wl,-soname,$(@F).1 -o $@ $<
$(LAZY_TEST)/liblazy_whole.so.1: $(LAZY_TEST)/liblazy_whole.so
	@cp $< $@
$(LAZY_TEST)/liblazy_older.so.1: tests/unit/lib/lazy/older.c $(LAZY_TEST)/liblazy_older.so
	@$(CC) -O1 -fPIC -shared -DOLDER $(WARN) -I. -Wl,-soname,$(@F) -o $@ $<
$(LAZY_TEST)/test.o: tests/unit/lib/test_lazy.c
	@mkdir -p $(@D)
	$(Q_CC)$(CC) $(CFLAGS_ALL) -MMD -MP -c -o $@ $<
$(LAZY_TEST)/lazy.S: $(LAZY_TEST)/test.o $(LAZY_TEST)/liblazy_whole.so $(LAZY_TEST)/liblazy_absent.so $(LAZY_TEST)/liblazy_older.so tools/lazy
	@printf '%s\n' '$(LAZY_TEST)/liblazy_whole.so whole1 tests' '$(LAZY_TEST)/liblazy_absent.so absent1 nothing at all' \
		'$(LAZY_TEST)/liblazy_older.so older1 tests' > $(@D)/list
	@./tools/lazy $(@D)/list "$(CC)" $< > $@.new && mv $@.new $@
$(LAZY_TEST)/lazy.o: $(LAZY_TEST)/lazy.S $(LAZY_ARCH)
	@$(CC) -g -I. -c -o $@ $<
$(B)/tests/unit/lib/test_lazy: $(LAZY_TEST)/test.o $(LAZY_TEST)/lazy.o $(B)/libbakery.a $(LAZY_TEST)/liblazy_whole.so.1 $(LAZY_TEST)/liblazy_older.so.1
	$(Q_LD)$(CC) -o $@ $(filter %.o %.a,$^) $(LDFLAGS_ALL) -Wl,-rpath,'$$ORIGIN/lazy' -lcmocka $(LIBS)

-include $(LAZY_TEST)/test.d $(OBJECTS:.o=.d) $(UNITBINS:=.d) $(DRIVENBINS:=.d)

# --- running ----------------------------------------------------------------
STOCK := images/foundation/debian-12/template.json images/base/debian-12/template.json images/app/nginx/template.json
run: all
	@$(B)/bin/bakery build $(STOCK)
	@echo; $(B)/bin/bakery image lineage nginx
	@echo; echo "To boot it on this terminal, without writing to it: $(B)/bin/bakery boot nginx"
	@echo "To put it on a disk: $(B)/bin/bakery image export nginx nginx.raw"

# --- tests ------------------------------------------------------------------
# Both kinds speak TAP; tests/run counts them and prints "N passed, N failed" last.
SYSTEM := $(sort $(wildcard tests/system/*.t))
# Nearly all of their time is the guests' own, and what bakery does in it 80 and 82 do too: not once more under ASan.
GUEST_TIME := $(wildcard tests/system/26-*.t tests/system/48-*.t tests/system/84-*.t tests/system/86-*.t tests/system/87-*.t tests/system/88-*.t)
check: all
	@$(MAKE) --no-print-directory $(UNITBINS) $(DRIVENBINS)
	@BUILD=$(BUILD) ./tests/run $(UNITBINS) $(if $(filter asan,$(BUILD)),$(filter-out $(GUEST_TIME),$(SYSTEM)),$(SYSTEM))
unit: deps-check
	@$(MAKE) --no-print-directory $(UNITBINS)
	@BUILD=$(BUILD) ./tests/run $(UNITBINS)
system: all
	@$(MAKE) --no-print-directory $(DRIVENBINS)
	@BUILD=$(BUILD) ./tests/run $(SYSTEM)
# What takes half an hour: an installation by FAI, under emulation.
check-slow: all
	@./tools/deps check slow || ./tools/deps install slow
	@$(MAKE) --no-print-directory $(DRIVENBINS)
	@BUILD=$(BUILD) ./tests/run $(sort $(wildcard tests/slow/*.t))
# ASan's strstr() and memmem() look at the whole text at every call, which makes a search for all places quadratic.
asan:
	@UBSAN_OPTIONS=print_stacktrace=1 ASAN_OPTIONS=intercept_strstr=0:intercept_memmem=0 $(MAKE) --no-print-directory BUILD=asan check
# Each for FUZZ_SECONDS; a crash leaves its input in build/fuzz.
FUZZ_SECONDS ?= 60
# What looks at a guest is left out; of the janitor it is the rules.
FUZZED := $(wildcard lib/*.c) $(wildcard layers/*.c) $(wildcard registry/*.c) $(filter-out boot/eye.c,$(wildcard boot/*.c)) \
          $(wildcard janitor/rules*.c) $(wildcard janitor/lint*.c) janitor/predicates.c janitor/values.c janitor/calendar.c
FUZZ_OBJECTS := $(FUZZED:%.c=build/fuzz/obj/%.o)
FUZZ_CC := clang -std=gnu17 -D_GNU_SOURCE -DBAKERY_VERSION='"$(VERSION)"' -g -O1 -I. $(PKG_CFLAGS)
build/fuzz/obj/%.o: %.c
	@mkdir -p $(@D)
	@$(FUZZ_CC) -fsanitize=fuzzer-no-link,address,undefined -MMD -MP -c -o $@ $<
-include $(FUZZ_OBJECTS:.o=.d)
fuzz: deps-check
	@./tools/deps check fuzz || ./tools/deps install fuzz
	@mkdir -p build/fuzz
	@$(MAKE) --no-print-directory $(FUZZ_OBJECTS)
	@for f in $(wildcard tests/fuzz/fuzz_*.c); do name=$$(basename $$f .c); echo "  FUZZ $$name"; \
		$(FUZZ_CC) -fsanitize=fuzzer,address,undefined -o build/fuzz/$$name $$f $(FUZZ_OBJECTS) $(PKG_LIBS) -lm && \
		ASAN_OPTIONS=intercept_strstr=0 build/fuzz/$$name $$(test ! -f tests/fuzz/$$name.dict || echo -dict=tests/fuzz/$$name.dict) \
			-max_total_time=$(FUZZ_SECONDS) -max_len=4096 -timeout=10 -print_final_stats=1 \
			-artifact_prefix=build/fuzz/$$name- >build/fuzz/$$name.log 2>&1 || { tail -n 40 build/fuzz/$$name.log; exit 1; }; \
		grep -a 'number_of_executed_units' build/fuzz/$$name.log; done
.PHONY: fuzz
bench: all
	@./tools/deps check bench check || ./tools/deps install bench check
	@bench/run

# --- lint -------------------------------------------------------------------
lint: deps-check
	@./tools/deps check lint || ./tools/deps install lint
	@./tests/lint/ranks
	@./tests/lint/text
	@$(MAKE) --no-print-directory headers-check compile_commands.json
	@$(MAKE) --no-print-directory -k analyze tidy-check cpp-check
	@echo "lint: clean"
headers-check: $(B)/spec/prelude_rb.h
	@for h in $(HEADERS); do \
		echo "#include \"$$h\"" | $(CC) $(CFLAGS_ALL) -Werror -fsyntax-only -x c - || exit 1; done
ANALYZED := $(SOURCES:%.c=build/analyze/%.ok) $(AGENT:%.c=build/analyze/%.ok)
analyze: $(ANALYZED)
build/analyze/%.ok: %.c $(B)/spec/prelude_rb.h $(B)/agent
	@mkdir -p $(@D)
	@$(CC) $(CFLAGS_ALL) -Werror -fanalyzer $(ANALYZER) -c -o /dev/null $< && touch $@
# gcc 12's analyzer does not know the cleanup attribute's descriptors nor noreturn branches through function pointers.
ANALYZER := -Wno-analyzer-fd-leak -Wno-analyzer-malloc-leak
tidy-check: compile_commands.json
	@printf '%s\n' $(SOURCES) $(AGENT) | xargs -P2 -n8 clang-tidy --quiet -p . 2>build/tidy.log
# Without build/: the prelude there is a megabyte of numbers.
cpp-check:
	@cppcheck --quiet --error-exitcode=1 --std=c11 --enable=warning,performance,portability --inline-suppr -j2 \
		--suppressions-list=tests/lint/cppcheck.txt \
		-U__clang_analyzer__ --include=tests/lint/cppcheck.h -I. $(FOLDERS:%=%/) $(AGENT)
compile_commands.json: $(B)/spec/prelude_rb.h
	@{ echo '['; sep=''; for c in $(SOURCES) $(AGENT); do \
		printf '%s{"directory":"%s","file":"%s","command":"%s"}' "$$sep" "$(CURDIR)" "$$c" \
		"$(subst ",\\\",$(CC) $(CFLAGS_ALL)) -c $$c"; sep=','; done; echo ']'; } > $@
.PHONY: analyze tidy-check cpp-check

# --- installing -------------------------------------------------------------
install: all
	install -D -m 755 $(B)/bin/bakery $(DESTDIR)$(PREFIX)/bin/bakery
	install -d $(DESTDIR)$(PREFIX)/share/man/man1 $(DESTDIR)$(PREFIX)/share/bash-completion/completions $(DESTDIR)$(PREFIX)/share/bakery
	$(B)/bin/bakery help --man > $(DESTDIR)$(PREFIX)/share/man/man1/bakery.1
	$(B)/bin/bakery help --completion > $(DESTDIR)$(PREFIX)/share/bash-completion/completions/bakery
	cp -R images $(DESTDIR)$(PREFIX)/share/bakery/
	install -d $(DESTDIR)$(PREFIX)/lib/systemd/system
	@for unit in systemd/*; do echo "  UNIT $$(basename $$unit)"; \
		sed 's|@PREFIX@|$(PREFIX)|' $$unit > $(DESTDIR)$(PREFIX)/lib/systemd/system/$$(basename $$unit) || exit 1; done
clean:
	rm -rf build compile_commands.json
