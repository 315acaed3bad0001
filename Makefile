# tris: build, tests, demo. `make help` lists the targets.
#
# VARIANT=release|debug|asan|tsan|fuzz|cov and CC=gcc|clang choose the folder below build/.
# V=1 shows the commands, WERROR=0 lets warnings pass.
.DEFAULT_GOAL := all
MAKEFLAGS += --no-builtin-rules
SHELL := /bin/bash

VARIANT ?= release
WERROR ?= 1
ifeq ($(origin CC),default)
CC := gcc
endif
V ?= 0
Q := $(if $(filter 1,$(V)),,@)
PREFIX ?= /usr/local
BINDIR ?= $(PREFIX)/bin
MANDIR ?= $(PREFIX)/share/man
UNITDIR ?= $(PREFIX)/lib/systemd/system
BASHCOMPDIR ?= $(PREFIX)/share/bash-completion/completions
ZSHCOMPDIR ?= $(PREFIX)/share/zsh/site-functions
FISHCOMPDIR ?= $(PREFIX)/share/fish/vendor_completions.d

comma := ,
compiler := $(notdir $(firstword $(CC)))
B := build/$(VARIANT)$(if $(findstring clang,$(compiler)),-clang)
VERSION := 0.1.0

WARNINGS := -Wall -Wextra -Wshadow -Wconversion -Wvla -Wstrict-prototypes -Wmissing-prototypes \
	-Wpointer-arith -Wundef -Wwrite-strings -Wformat=2
CPPFLAGS += -I. -I$(B)/gen -D_POSIX_C_SOURCE=200809L -D_DEFAULT_SOURCE -DTRIS_VERSION='"$(VERSION)"'
CFLAGS += -std=c11 -g -fno-common $(WARNINGS) $(if $(filter-out 0,$(WERROR)),-Werror)
flags_release := -O2 -D_FORTIFY_SOURCE=2 -fstack-protector-strong
flags_debug := -O0
flags_asan := -O1 -fsanitize=address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer \
	-Wno-error=maybe-uninitialized
flags_tsan := -O1 -fsanitize=thread -Wno-error=maybe-uninitialized
flags_cov := -O0 --coverage
flags_fuzz := -O1 -fsanitize=fuzzer-no-link,address,undefined -fno-sanitize-recover=all
CFLAGS += $(if $(findstring clang,$(compiler)),$(filter-out -Wno-error=%,$(flags_$(VARIANT))),$(flags_$(VARIANT)))
LDFLAGS += $(filter -fsanitize% --coverage,$(flags_$(VARIANT))) -Wl,-z,relro,-z,now

PROTO_LIBS := -lsodium -lmsgpackc -lutf8proc
STORAGE_LIBS := -llmdb
DAEMON_LIBS := -luv -linih -lpthread
TOOLS_LIBS := -ljansson -linih -lcsv -lsmartcols -lsqlite3 -lqrencode -lpthread

proto_src := $(wildcard proto/*.c)
storage_src := $(wildcard storage/*.c)
daemon_src := $(wildcard daemon/*.c)
tools_src := $(filter-out tools/bench_%.c,$(wildcard tools/*.c))
bench_src := $(wildcard tools/bench_*.c)
unit_src := $(wildcard tests/unit/test_*.c)
vector_src := $(wildcard tests/vectors/test_*.c)
testlib_src := $(wildcard tests/lib/*.c)
e2e_src := $(wildcard tests/e2e/*.c)
fault_src := $(wildcard tests/fault/*.c)
sim_src := $(wildcard tests/sim/*.c)
scale_src := $(wildcard tests/scale/*.c)
trials_src := $(wildcard tests/trials/*.c)
fuzz_src := $(wildcard tests/fuzz/fuzz_*.c)
fuzz_own_src := $(filter-out $(fuzz_src) %/harness.c %/replay.c,$(wildcard tests/fuzz/*.c))
# libFuzzer around a target, or a program that gives it the files of a folder
fuzz_own_src += tests/fuzz/$(if $(filter fuzz,$(VARIANT)),harness,replay).c

obj = $(patsubst %.c,$(B)/obj/%.o,$(1))

# A vector program (takes foreign files) may have the name of a unit test; then that one is unit_*.
unit_names := $(notdir $(basename $(unit_src)))
vector_names := $(notdir $(basename $(vector_src)))
clash_names := $(filter $(vector_names),$(unit_names))
unit_names := $(filter-out $(clash_names),$(unit_names))
store_bin := $(addprefix $(B)/,$(filter test_store_%,$(unit_names)))
daemon_bin := $(addprefix $(B)/,$(filter test_daemon_%,$(unit_names)))
toolt_bin := $(addprefix $(B)/,$(filter test_tools_%,$(unit_names)))
pure_bin := $(addprefix $(B)/,$(filter-out test_store_% test_daemon_% test_tools_%,$(unit_names)))
clash_bin := $(addprefix $(B)/unit_,$(clash_names))
unit_bin := $(sort $(pure_bin) $(clash_bin) $(store_bin) $(daemon_bin) $(toolt_bin))
vector_bin := $(addprefix $(B)/,$(vector_names))
bench_bin := $(patsubst tools/%.c,$(B)/%,$(bench_src))
inject_bin := $(patsubst tests/e2e/%.c,$(B)/e2e_%,$(e2e_src))
fuzz_bin := $(patsubst tests/fuzz/%.c,$(B)/%,$(fuzz_src))
all_src := $(proto_src) $(storage_src) $(daemon_src) $(tools_src) $(bench_src) $(unit_src) \
	$(vector_src) $(testlib_src) $(e2e_src) $(fault_src) $(sim_src) $(trials_src) $(scale_src) \
	$(fuzz_src) $(fuzz_own_src)

man_pages := $(patsubst tools/man/%.scd,$(B)/man/%,$(wildcard tools/man/*.scd)) $(B)/man/tris.1

# German texts; without gettext tris speaks English.
po_src := $(sort $(wildcard tools/po/de*.po))
catalogue := $(if $(and $(po_src),$(shell command -v msgfmt)),$(B)/locale/de/LC_MESSAGES/tris.mo)

all: $(B)/trisd $(B)/tris $(catalogue) ## build trisd and tris

$(B)/locale/de/LC_MESSAGES/tris.mo: $(po_src)
	@mkdir -p $(@D)
	$(Q)msgcat --use-first $^ | msgfmt --check-format -o $@ -

# What is built gets its name when it is complete: two makes at once do not read halves.
# Other flags, other objects: the stamp changes only when the command does.
$(B)/flags: force
	@mkdir -p $(@D)
	@echo '$(CC) $(subst ',,$(CPPFLAGS)) $(CFLAGS)' | cmp -s - $@ || \
		echo '$(CC) $(subst ',,$(CPPFLAGS)) $(CFLAGS)' > $@
force:

gen_inc := $(B)/gen/district_table.inc $(B)/gen/district_neighbours.inc
$(B)/obj/%.o: %.c $(B)/flags | $(gen_inc)
	@mkdir -p $(@D)
	$(if $(filter 1,$(V)),,@echo "  CC    $<")
	$(Q)$(CC) $(CPPFLAGS) $(CFLAGS) -MMD -MP -MT $@ -MF $(@:.o=.d) -c $< -o $@.$$$$ && mv -f $@.$$$$ $@

$(B)/gen/district_table.inc: tools/data/districts.csv tools/data/district_table.awk
	@mkdir -p $(@D)
	$(Q)awk -f tools/data/district_table.awk tools/data/districts.csv > $@.tmp && mv $@.tmp $@
$(B)/gen/district_neighbours.inc: tools/data/district_neighbours.awk tools/data/districts.csv \
		tools/data/neighbours.csv
	@mkdir -p $(@D)
	$(Q)awk -f $^ > $@.tmp && mv $@.tmp $@

archive = $(Q)rm -f $@.$$$$ && ar rcs $@.$$$$ $(filter %.o,$^) && mv -f $@.$$$$ $@
$(B)/libproto.a: $(call obj,$(proto_src))
	$(archive)
$(B)/libstorage.a: $(call obj,$(storage_src))
	$(archive)
$(B)/libdaemon.a: $(call obj,$(filter-out daemon/main.c,$(daemon_src)))
	$(archive)
$(B)/libtools.a: $(call obj,$(filter-out tools/tris.c,$(tools_src)))
	$(archive)
$(B)/libtest.a: $(call obj,$(testlib_src))
	$(archive)

link = $(if $(filter 1,$(V)),,@echo "  LINK  $@" &&) $(CC) $(CFLAGS) $(LDFLAGS) -o $@.$$$$ $(filter %.o,$^) $(filter %.a,$^) $(1) && \
	mv -f $@.$$$$ $@

$(B)/trisd: $(call obj,$(daemon_src)) $(B)/libstorage.a $(B)/libproto.a
	$(call link,$(STORAGE_LIBS) $(PROTO_LIBS) $(DAEMON_LIBS))
$(B)/tris: $(call obj,$(tools_src)) $(B)/libstorage.a $(B)/libproto.a
	$(call link,$(STORAGE_LIBS) $(PROTO_LIBS) $(TOOLS_LIBS))

# Unit tests: test_store_* link the store, test_daemon_* and test_tools_* the parts of their room,
# all others only proto and its libraries, which proves the layering by link.
$(pure_bin): $(B)/%: $(B)/obj/tests/unit/%.o $(B)/libtest.a $(B)/libproto.a
	$(call link,$(PROTO_LIBS) -lcmocka)
$(clash_bin): $(B)/unit_%: $(B)/obj/tests/unit/%.o $(B)/libtest.a $(B)/libproto.a
	$(call link,$(PROTO_LIBS) -lcmocka)
$(store_bin): $(B)/%: $(B)/obj/tests/unit/%.o $(B)/libtest.a $(B)/libstorage.a $(B)/libproto.a
	$(call link,$(STORAGE_LIBS) $(PROTO_LIBS) -lcmocka)
# Calls that these tests may refuse come to them first.
nth_calls := malloc calloc realloc strdup fsync fdatasync ftruncate rename mkdir stat read write open \
	$(addprefix mdb_,env_create env_set_mapsize env_set_maxdbs env_set_maxreaders env_copyfd2 \
	env_open txn_begin txn_commit dbi_open stat get put del cursor_open cursor_get cursor_put cursor_del)
$(B)/test_nth: LDFLAGS += $(addprefix -Wl$(comma)--wrap=,malloc calloc realloc)
$(B)/test_store_nth $(B)/test_store_nth_cut: LDFLAGS += $(addprefix -Wl$(comma)--wrap=,$(nth_calls))
$(daemon_bin): $(B)/%: $(B)/obj/tests/unit/%.o $(B)/libtest.a $(B)/libdaemon.a $(B)/libstorage.a \
		$(B)/libproto.a
	$(call link,$(STORAGE_LIBS) $(PROTO_LIBS) $(DAEMON_LIBS) -lcmocka)
$(toolt_bin): $(B)/%: $(B)/obj/tests/unit/%.o $(B)/libtest.a $(B)/libtools.a $(B)/libstorage.a \
		$(B)/libproto.a
	$(call link,$(STORAGE_LIBS) $(PROTO_LIBS) $(TOOLS_LIBS) -lcmocka)
$(filter-out $(B)/test_csv,$(vector_bin)): $(B)/%: $(B)/obj/tests/vectors/%.o $(B)/libtest.a \
		$(B)/libproto.a
	$(call link,$(PROTO_LIBS) -ljansson)
$(filter $(B)/test_csv,$(vector_bin)): $(B)/%: $(B)/obj/tests/vectors/%.o $(B)/obj/tools/csv.o \
		$(B)/libtest.a $(B)/libproto.a
	$(call link,$(PROTO_LIBS) -lcsv -ljansson)
$(bench_bin): $(B)/%: $(B)/obj/tools/%.o $(B)/libstorage.a $(B)/libproto.a
	$(call link,$(STORAGE_LIBS) $(PROTO_LIBS))
$(inject_bin): $(B)/e2e_%: $(B)/obj/tests/e2e/%.o $(B)/libstorage.a $(B)/libproto.a
	$(call link,$(STORAGE_LIBS) $(PROTO_LIBS))

# Defines storage calls and two of libsodium's itself; liblmdb's calls come to these. Of the daemon
# it takes the member table alone.
$(B)/tris_trials: $(call obj,$(filter-out %/main.c,$(sim_src)) $(trials_src)) $(B)/libtest.a \
		$(B)/libdaemon.a $(B)/libstorage.a $(B)/libproto.a
	$(call link,$(STORAGE_LIBS) $(PROTO_LIBS) -ldl -lcmocka)
# Its heads.c is the frontier with room for very many houses.
$(B)/tris_scale: $(call obj,$(scale_src) $(addprefix tests/sim/,queue.c rng.c crypto.c)) \
		$(B)/libproto.a
	$(call link,$(PROTO_LIBS) -ldl)
$(B)/tris_sim: $(call obj,$(sim_src)) $(B)/libtest.a $(B)/libdaemon.a $(B)/libstorage.a \
		$(B)/libproto.a
	$(call link,$(STORAGE_LIBS) $(PROTO_LIBS) -ldl -lcmocka)

# In VARIANT=fuzz with libFuzzer, which is part of clang's runtime; else they replay a corpus.
$(B)/libfuzz.a: $(call obj,$(fuzz_own_src))
	$(archive)
$(fuzz_bin): $(B)/%: $(B)/obj/tests/fuzz/%.o $(B)/libfuzz.a $(B)/libtools.a $(B)/libdaemon.a \
		$(B)/libstorage.a $(B)/libproto.a
	$(call link,$(if $(filter fuzz,$(VARIANT)),-fsanitize=fuzzer) $(STORAGE_LIBS) $(PROTO_LIBS) $(DAEMON_LIBS) $(TOOLS_LIBS))

unit_all: $(unit_bin)
vectors_all: $(vector_bin)
tests: all unit_all $(vector_bin) $(bench_bin) $(inject_bin) $(B)/tris_sim $(B)/tris_trials $(B)/tris_scale ## build every program, run none

unit: $(unit_bin) ## unit tests of this variant (T=name runs one)
	$(Q)bash tests/run_unit.sh $(if $(T),$(filter %$(T),$(unit_bin)),$(unit_bin))

vectors: $(vector_bin) ## public and golden vectors (TRIS_TEST_VECTORS=folder)
	$(Q)bash tests/run_vectors.sh $(B)

layers: $(B)/libproto.a $(B)/libstorage.a $(B)/libdaemon.a $(B)/libtools.a ## prove the rooms: by grep, by symbol and by link
	$(Q)CC='$(CC)' PROTO_LIBS='$(PROTO_LIBS)' STORAGE_LIBS='$(STORAGE_LIBS)' \
		bash tests/layers.sh $(B) $(LDFLAGS)

lint: $(gen_inc) ## clang-format, clang-tidy, cppcheck, house rules
	$(Q)TIDY_FLAGS='$(subst ",\",$(CPPFLAGS)) -std=c11' bash tests/lint.sh

e2e: all $(inject_bin) ## end to end, with real daemons on loopback (T=file runs one)
	$(Q)BUILD=$(B) bash tests/e2e/run.sh $(T)

fault: all $(B)/die_at.so ## kill -9 at every step, and during import and sync (ROUNDS=n)
	$(Q)BUILD=$(B) bash tests/fault/run.sh $(B)/die_at.so $(or $(ROUNDS),50)

# SEED=n [PROFILE= HOUSES= DAYS= CHANGES=] repeats one run, with what happens in it.
sim: $(B)/tris_sim ## a simulated federation under faults (SEED=n PROFILE=p repeats one run)
	$(Q)$(if $(SEED),$(B)/tris_sim --seed $(SEED) --profile $(or $(PROFILE),small) \
		$(if $(HOUSES),--houses $(HOUSES)) $(if $(DAYS),--days $(DAYS)) \
		$(if $(CHANGES),--changes $(CHANGES)) $(if $(TRACE),--trace),bash tests/sim/run.sh $(B)/tris_sim check)

# RUNS=n fewer of them.
trials: $(B)/tris_trials ## old copies of houses put back, 10,000 times (RUNS=n): nobody seals two things
	$(Q)bash tests/trials/run.sh $(B)/tris_trials $(or $(RUNS),10000)

scale: $(B)/tris_scale ## figures of 400 houses, 10,000 with SCALE=full (or SCALE=n)
	$(Q)$(B)/tris_scale $(if $(filter full,$(SCALE)),10000,$(or $(SCALE),400))

soak: $(B)/tris_sim ## new seeds for MINUTES=n; seeds are kept in build/soak.log
	$(Q)bash tests/sim/run.sh $(B)/tris_sim soak $(or $(MINUTES),10)

$(B)/die_at.so: tests/fault/die_at.c $(B)/flags
	$(if $(filter 1,$(V)),,@echo "  LINK  $@" &&) $(CC) $(CPPFLAGS) $(filter-out -fsanitize%,$(CFLAGS)) \
		-fPIC -shared -o $@.$$$$ $< && mv -f $@.$$$$ $@

# libFuzzer is clang's alone: these build in VARIANT=fuzz whatever the rest is built with.
fuzz_make := $(MAKE) --no-print-directory VARIANT=fuzz CC=clang
fuzz_all: $(fuzz_bin)
fuzz: ## one fuzz target, until it finds something (T=name, MINUTES=n)
	$(Q)$(fuzz_make) build/fuzz-clang/fuzz_$(T)
	$(Q)BUILD=build/fuzz-clang bash tests/fuzz/run.sh go $(T) $(MINUTES)

fuzz-smoke: ## all fuzz targets for a fixed number of executions, 3 million in all
	$(Q)$(fuzz_make) fuzz_all
	$(Q)BUILD=build/fuzz-clang bash tests/fuzz/run.sh smoke

check: ## everything that CI runs
	$(Q)bash tests/check.sh

bench: all $(bench_bin) $(B)/e2e_hostile $(B)/e2e_crowd $(B)/e2e_flood ## figures beside their targets; build/bench.json
	$(Q)BUILD=$(B) bash tools/bench.sh

demo: ## three houses and an observer on loopback
	$(Q)bash tools/demo.sh

bugs: ## plant the seeded bugs one by one: which test finds them (BUGS="3 7": only these)
	$(Q)bash tests/bugs/run.sh

deps: ## the Debian packages that are missing, as one line
	$(Q)bash tools/deps.sh

coverage: ## branch coverage of proto/ and storage/ by unit tests, vectors, corpora, simulator
	$(Q)$(MAKE) --no-print-directory VARIANT=cov CC=gcc unit_all vectors_all fuzz_all build/cov/tris_sim
	$(Q)bash tests/coverage.sh build/cov

man: $(man_pages) ## man pages
$(B)/man/%: tools/man/%.scd
	@mkdir -p $(@D)
	$(Q)scdoc < $< > $@
$(B)/man/tris.1: $(B)/tris
	@mkdir -p $(@D)
	$(Q)$(B)/tris help --man | scdoc > $@

install: all $(man_pages) ## into DESTDIR and PREFIX
	install -d $(DESTDIR)$(BINDIR) $(DESTDIR)$(UNITDIR) $(DESTDIR)$(BASHCOMPDIR) \
		$(DESTDIR)$(ZSHCOMPDIR) $(DESTDIR)$(FISHCOMPDIR)
	install -m 755 $(B)/trisd $(B)/tris $(DESTDIR)$(BINDIR)
	sed 's|@BINDIR@|$(BINDIR)|' tools/systemd/trisd.service > $(DESTDIR)$(UNITDIR)/trisd.service
	chmod 644 $(DESTDIR)$(UNITDIR)/trisd.service
	install -D -m 644 tools/systemd/tris.sysusers $(DESTDIR)$(PREFIX)/lib/sysusers.d/tris.conf
	$(foreach p,$(man_pages),install -D -m 644 $(p) \
		$(DESTDIR)$(MANDIR)/man$(subst .,,$(suffix $(p)))/$(notdir $(p)) &&) true
	install -d $(DESTDIR)$(PREFIX)/share/tris/maps
	install -m 644 tools/data/maps/*.map $(DESTDIR)$(PREFIX)/share/tris/maps
	$(B)/tris completion bash > $(DESTDIR)$(BASHCOMPDIR)/tris
	$(B)/tris completion zsh > $(DESTDIR)$(ZSHCOMPDIR)/_tris
	$(B)/tris --lang en completion fish > $(DESTDIR)$(FISHCOMPDIR)/tris.fish
	$(if $(catalogue),install -D -m 644 $(catalogue) $(DESTDIR)$(PREFIX)/share/locale/de/LC_MESSAGES/tris.mo)

compile_commands.json: $(all_src) Makefile ## for editors and language servers
	$(Q)for f in $(all_src); do printf '%s{"directory":"%s","file":"%s","command":"%s"}' \
		"$$sep" "$$PWD" "$$f" '$(CC) $(subst ",\\\",$(CPPFLAGS)) $(CFLAGS) -c '"$$f"; sep=$$',\n'; \
		done | { echo '['; cat; echo; echo ']'; } > $@

clean: ## remove build/
	rm -rf build

help: ## this list
	@awk -F':.*## ' '/^[a-z0-9_.-]+:.*## / {printf "  %-22s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

.PHONY: all unit_all vectors_all tests unit vectors layers lint e2e fault sim trials scale soak fuzz fuzz_all fuzz-smoke check bench demo bugs deps coverage man install \
	clean help force
.SECONDARY:
-include $(shell find $(B)/obj -name '*.d' 2>/dev/null)
