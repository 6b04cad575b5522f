# make         builds           make check  tests             make lint   ranks, headers, analyzers
# make run     bakes            make asan   tests, sanitized  make bench  measures
# make deps    installs the Debian packages that are missing
BUILD ?= release
B := build/$(BUILD)
CC := gcc
PREFIX ?= /usr/local
VERSION := 0.1.0

FOLDERS := lib layers vm registry spec bakery bakery/template bakery/bake bakery/cmd
SOURCES := $(foreach f,$(FOLDERS),$(wildcard $(f)/*.c))
HEADERS := $(foreach f,$(FOLDERS),$(wildcard $(f)/*.h))
LIBRARY := $(filter-out bakery/main.c,$(SOURCES))
UNIT := $(wildcard tests/unit/*/test_*.c)

PKGS := jansson blkid libseccomp libcap libcrypto sqlite3 oniguruma libxml-2.0
PKG_CFLAGS := $(shell pkg-config --cflags $(PKGS) 2>/dev/null)
PKG_LIBS := $(shell pkg-config --libs $(PKGS) 2>/dev/null)
WARN := -Wall -Wextra -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wpointer-arith -Wwrite-strings -Wvla \
        -Wno-missing-field-initializers
FLAGS_release := -O2 -g -D_FORTIFY_SOURCE=2 -fstack-protector-strong
FLAGS_debug := -O0 -g
FLAGS_asan := -O1 -g -fno-omit-frame-pointer -fsanitize=address,undefined -fno-sanitize-recover=undefined
CFLAGS_ALL = -std=gnu17 -D_GNU_SOURCE -D_FILE_OFFSET_BITS=64 -DBAKERY_VERSION='"$(VERSION)"' -fPIE $(WARN) \
             $(FLAGS_$(BUILD)) -I. -I$(B) $(PKG_CFLAGS) $(CFLAGS)
LDFLAGS_ALL = -pie $(FLAGS_$(BUILD)) -Wl,-z,relro,-z,now -Wl,--as-needed $(LDFLAGS)
LIBS = $(PKG_LIBS) -lmruby -lm

ifneq ($(V),1)
Q_CC = @echo "  CC $<";
Q_LD = @echo "  LD $@";
endif

OBJECTS := $(SOURCES:%.c=$(B)/%.o)
LIBOBJECTS := $(LIBRARY:%.c=$(B)/%.o)
UNITBINS := $(UNIT:%.c=$(B)/%)

.PHONY: all deps run check unit system lint asan bench install clean compile_commands.json ranks-check headers-check
.SECONDARY:
all: deps-check
	@$(MAKE) --no-print-directory $(B)/bin/bakery

# --- dependencies -----------------------------------------------------------
deps:
	@./tools/deps install
deps-check:
	@./tools/deps check || ./tools/deps install
.PHONY: deps-check

# --- building ---------------------------------------------------------------
$(B)/bin/bakery: $(OBJECTS)
	@mkdir -p $(@D)
	$(Q_LD)$(CC) $(LDFLAGS_ALL) -o $@ $^ $(LIBS)

$(B)/libbakery.a: $(LIBOBJECTS)
	@rm -f $@
	@ar rcs $@ $^

$(B)/%.o: %.c
	@mkdir -p $(@D)
	$(Q_CC)$(CC) $(CFLAGS_ALL) -MMD -MP -c -o $@ $<

# Ruby that the spec engine starts with, compiled to bytecode.
$(B)/spec/prelude_rb.h: $(wildcard spec/*.rb)
	@mkdir -p $(@D)
	mrbc -g -B spec_prelude_rb -o $@ $(sort $^)
$(B)/spec/engine.o: $(B)/spec/prelude_rb.h

$(B)/tests/unit/%: tests/unit/%.c $(B)/libbakery.a
	@mkdir -p $(@D)
	$(Q_CC)$(CC) $(CFLAGS_ALL) -MMD -MP -MF $@.d -o $@ $< $(B)/libbakery.a $(LDFLAGS_ALL) -lcmocka $(LIBS)

-include $(OBJECTS:.o=.d) $(UNITBINS:=.d)

# --- tests ------------------------------------------------------------------
unit: deps-check
	@$(MAKE) --no-print-directory $(UNITBINS)
	@./tests/run-unit $(UNITBINS)
