# tris: build, tests, demo. `make help` lists the targets.
#
# VARIANT=release|debug|asan|tsan|fuzz|cov and CC=gcc|clang choose the folder below build/.
.DEFAULT_GOAL := all
MAKEFLAGS += --no-builtin-rules
SHELL := /bin/bash

VARIANT ?= release
ifeq ($(origin CC),default)
CC := gcc
endif
V ?= 0
Q := $(if $(filter 1,$(V)),,@)
PREFIX ?= /usr/local
BINDIR ?= $(PREFIX)/bin
MANDIR ?= $(PREFIX)/share/man

compiler := $(notdir $(firstword $(CC)))
B := build/$(VARIANT)$(if $(findstring clang,$(compiler)),-clang)
VERSION := 0.1.0

WARNINGS := -Wall -Wextra -Wshadow -Wconversion -Wvla -Wstrict-prototypes -Wmissing-prototypes \
	-Wpointer-arith -Wundef -Wwrite-strings -Wformat=2
CPPFLAGS += -I. -I$(B)/gen -D_POSIX_C_SOURCE=200809L -D_DEFAULT_SOURCE -DTRIS_VERSION='"$(VERSION)"'
CFLAGS += -std=c11 -g -fno-common $(WARNINGS) $(if $(WERROR),-Werror)
flags_release := -O2 -D_FORTIFY_SOURCE=2 -fstack-protector-strong
flags_debug := -O0
flags_asan := -O1 -fsanitize=address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer
flags_tsan := -O1 -fsanitize=thread
flags_cov := -O0 --coverage
flags_fuzz := -O1 -fsanitize=fuzzer-no-link,address,undefined -fno-sanitize-recover=all
CFLAGS += $(flags_$(VARIANT))
LDFLAGS += $(filter -fsanitize% --coverage,$(flags_$(VARIANT)))

PROTO_LIBS := -lsodium -lmsgpackc -lutf8proc
STORAGE_LIBS := -llmdb
DAEMON_LIBS := -luv -linih -lpthread
TOOLS_LIBS := -ljansson -linih -lcsv -lsmartcols -lpthread

proto_src := $(wildcard proto/*.c)
storage_src := $(wildcard storage/*.c)
daemon_src := $(wildcard daemon/*.c)
tools_src := $(filter-out tools/bench_%.c,$(wildcard tools/*.c))
bench_src := $(wildcard tools/bench_*.c)
unit_src := $(wildcard tests/unit/test_*.c)
vector_src := $(wildcard tests/vectors/test_*.c)
testlib_src := $(wildcard tests/lib/*.c)

obj = $(patsubst %.c,$(B)/obj/%.o,$(1))
unit_bin := $(patsubst tests/unit/%.c,$(B)/%,$(unit_src))
vector_bin := $(patsubst tests/vectors/%.c,$(B)/%,$(vector_src))
bench_bin := $(patsubst tools/%.c,$(B)/%,$(bench_src))

all: $(if $(daemon_src),$(B)/trisd) $(if $(tools_src),$(B)/tris) ## build trisd and tris

$(B)/obj/%.o: %.c | $(B)/gen/district_table.inc
	@mkdir -p $(@D)
	$(if $(filter 1,$(V)),,@echo "  CC    $<")
	$(Q)$(CC) $(CPPFLAGS) $(CFLAGS) -MMD -MP -c $< -o $@

$(B)/gen/district_table.inc: tools/data/districts.csv tools/data/district_table.awk
	@mkdir -p $(@D)
	$(Q)awk -f tools/data/district_table.awk tools/data/districts.csv > $@.tmp && mv $@.tmp $@

$(B)/libproto.a: $(call obj,$(proto_src))
	$(Q)rm -f $@ && ar rcs $@ $^
$(B)/libstorage.a: $(call obj,$(storage_src))
	$(Q)rm -f $@ && ar rcs $@ $^
$(B)/libtest.a: $(call obj,$(testlib_src))
	$(Q)rm -f $@ && ar rcs $@ $^

link = $(if $(filter 1,$(V)),,@echo "  LINK  $@" &&) $(CC) $(CFLAGS) $(LDFLAGS) -o $@ $(filter %.o,$^) $(filter %.a,$^)

$(B)/trisd: $(call obj,$(daemon_src)) $(B)/libstorage.a $(B)/libproto.a
	$(link) $(STORAGE_LIBS) $(PROTO_LIBS) $(DAEMON_LIBS)
$(B)/tris: $(call obj,$(tools_src)) $(B)/libstorage.a $(B)/libproto.a
	$(link) $(STORAGE_LIBS) $(PROTO_LIBS) $(TOOLS_LIBS)

# Unit tests: test_store_* link the store, test_daemon_* link the daemon's parts, all others only
# proto and its libraries, which proves the layering by link.
$(B)/test_store_%: $(B)/obj/tests/unit/test_store_%.o $(B)/libtest.a $(B)/libstorage.a $(B)/libproto.a
	$(link) $(STORAGE_LIBS) $(PROTO_LIBS) -lcmocka
$(B)/test_%: $(B)/obj/tests/unit/test_%.o $(B)/libtest.a $(B)/libproto.a
	$(link) $(PROTO_LIBS) -lcmocka
$(B)/test_%: $(B)/obj/tests/vectors/test_%.o $(B)/libtest.a $(B)/libproto.a
	$(link) $(PROTO_LIBS) -ljansson
$(B)/bench_%: $(B)/obj/tools/bench_%.o $(B)/libstorage.a $(B)/libproto.a
	$(link) $(STORAGE_LIBS) $(PROTO_LIBS)

unit: $(unit_bin) ## unit tests of this variant
	$(Q)set -e; for t in $(unit_bin); do echo "== $$t"; $$t; done

clean: ## remove build/
	rm -rf build

help: ## this list
	@awk -F':.*## ' '/^[a-z_.-]+:.*## / {printf "  %-22s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

.PHONY: all unit clean help
.SECONDARY:
-include $(shell find $(B)/obj -name '*.d' 2>/dev/null)
