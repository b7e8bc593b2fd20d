# SPDX-License-Identifier: MIT
#
# make                  the agent, the tool and the module
# make demo             the whole product in a virtual machine, in two minutes
# make check            every test; make check-long: those that take hours
# make bench            the figures
# make fuzz             TIME= seconds for each target, TARGET= for one
# make replay-report    what is found in the public captures, protocol by protocol
# make install          DESTDIR= PREFIX=/usr; make modules_install
#
# KDIR= or KERNEL= (6.1, 6.12) chooses the kernel of the module.
# SAN=1 builds with AddressSanitizer and UBSan below build/san.

ifneq ($(KERNELRELEASE),)
include $(src)/Kbuild
else

.DELETE_ON_ERROR:
MAKEFLAGS += --no-builtin-rules --no-print-directory
V ?= 0
Q := $(if $(filter 1,$(V)),,@)
say = $(if $(filter 1,$(V)),,@printf '  %-7s %s\n' '$(1)' '$(2)')

CACHE := $(or $(XDG_CACHE_HOME),$(HOME)/.cache)/sluice
PREFIX ?= /usr
SBINDIR ?= $(PREFIX)/sbin
MANDIR ?= $(PREFIX)/share/man
SYSCONFDIR ?= /etc
UNITDIR ?= /lib/systemd/system
COMPLETIONDIR ?= $(PREFIX)/share/bash-completion/completions

BUILD := build
OPTIMIZE := -O2
ifeq ($(SAN),1)
OPTIMIZE := -O1
BUILD := build/san
SANFLAGS := -fsanitize=address,undefined -fno-sanitize-recover=undefined -fno-omit-frame-pointer
endif

ifeq ($(FUZZ),1)
BUILD := build/fuzz
OPTIMIZE := -O1
CC := clang
SANFLAGS := -fsanitize=fuzzer-no-link,address,undefined -fno-sanitize-recover=undefined \
	-fno-sanitize=pointer-overflow -Wno-missing-field-initializers
endif

CC := $(or $(filter-out default,$(if $(filter default,$(origin CC)),,$(CC))),gcc)
WARN := -Wall -Wextra -Wshadow -Wstrict-prototypes -Wmissing-prototypes \
	-Wold-style-definition -Wvla -Wpointer-arith -Wno-unused-parameter
CPPFLAGS += -D_GNU_SOURCE -Iagent -Iuapi
CFLAGS ?= $(OPTIMIZE) -g
HARDEN := -fstack-protector-strong -fPIE -fstack-clash-protection $(if $(SAN),,-D_FORTIFY_SOURCE=2)
ALL_CFLAGS = -std=gnu11 $(CFLAGS) $(WARN) $(HARDEN) $(SANFLAGS)
LDFLAGS += -pie -Wl,-z,relro,-z,now $(SANFLAGS)

AGENT_PKGS := libnl-3.0 libnl-genl-3.0 htp libpcap sqlite3 libcurl libcrypto jansson expat \
	libseccomp libcap-ng libnghttp2 zlib libbrotlidec libzstd liblzma
# The agent's own parser reads the configuration, and asks libraries what a URL or a key is; what
# would leave is shown by the agent's own functions, who is in which group included.
CTL_PKGS := libnl-3.0 libnl-genl-3.0 jansson libcurl expat sqlite3
AGENT_LIBS = $(shell pkg-config --libs $(AGENT_PKGS)) -linih -lbz2 -lmagic -lpthread
CTL_LIBS = $(shell pkg-config --libs $(CTL_PKGS)) -linih -lcrypto
PKG_CFLAGS = $(eval PKG_CFLAGS := $$(shell pkg-config --cflags $(AGENT_PKGS)))$(PKG_CFLAGS)

AGENT_DIRS := lib policy record sample stream source mime proto cloud supervisor inspector forwarder logger
AGENT_SRC := $(foreach d,$(AGENT_DIRS),$(wildcard agent/$(d)/*.c))
CTL_SRC := $(wildcard agent/ctl/*.c)
AGENT_OBJ := $(AGENT_SRC:%.c=$(BUILD)/%.o)
CTL_OBJ := $(CTL_SRC:%.c=$(BUILD)/%.o)
UNIT := $(patsubst tests/unit/%.c,$(BUILD)/tests/%,$(wildcard tests/unit/test_*.c))

all: agent modules
agent: $(BUILD)/sluiced $(BUILD)/sluicectl

$(BUILD)/sluiced: $(BUILD)/agent/main.o $(BUILD)/libsluice.a
	$(call say,LD,$@)
	$(Q)$(CC) $(LDFLAGS) -o $@ $^ $(AGENT_LIBS)

$(BUILD)/sluicectl: $(BUILD)/agent/ctl/main.o $(BUILD)/libctl.a $(BUILD)/libsluice.a
	$(call say,LD,$@)
	$(Q)$(CC) $(LDFLAGS) -o $@ $^ $(CTL_LIBS)

$(BUILD)/libsluice.a: $(AGENT_OBJ)
	$(call say,AR,$@)
	$(Q)rm -f $@ && $(or $(AR),ar) rcs $@ $^

# All of the tool but its main(), for the tool and for tests.
$(BUILD)/libctl.a: $(filter-out %/main.o,$(CTL_OBJ))
	$(call say,AR,$@)
	$(Q)rm -f $@ && $(or $(AR),ar) rcs $@ $^

$(BUILD)/%.o: %.c | deps-build
	$(call say,CC,$<)
	$(Q)mkdir -p $(@D) && $(CC) $(CPPFLAGS) $(PKG_CFLAGS) $(ALL_CFLAGS) -MMD -MP -c -o $@ $<

# Data files that are part of the program (lib/built_in.h).
$(BUILD)/agent/policy/application.o: agent/policy/applications.conf
$(BUILD)/agent/cloud/region.o: agent/cloud/regions.conf
$(BUILD)/agent/sample/type_parse.o: agent/sample/file_types.conf

# What a build needs is installed by the build, once.
deps-build:
	@scripts/deps build
deps-test:
	@scripts/deps all

# ------------------------------------------------------------------ module

modules: | deps-build
	$(Q)$(MAKE) -f kmod/module.mk KDIR='$(KDIR)' KERNEL='$(KERNEL)'

modules_install: | deps-build
	$(Q)$(MAKE) -f kmod/module.mk modules_install KDIR='$(KDIR)' KERNEL='$(KERNEL)' DESTDIR='$(DESTDIR)'

# ------------------------------------------------------------------- tests

KSELFTEST := $(CACHE)/linux-source-6.12/tools/testing/selftests
$(KSELFTEST)/kselftest_harness.h:
	$(Q)scripts/kernel-source

UNIT_OBJ := $(patsubst %.c,$(BUILD)/%.o,$(wildcard tests/unit/*.c))
$(UNIT_OBJ): ALL_CFLAGS += -isystem $(KSELFTEST) -Wno-missing-prototypes -Wno-shadow -Wno-unused-function
$(UNIT_OBJ): $(KSELFTEST)/kselftest_harness.h
$(BUILD)/tests/%: $(BUILD)/tests/unit/%.o $(BUILD)/libctl.a $(BUILD)/libsluice.a
	$(call say,LD,$@)
	$(Q)$(CC) $(LDFLAGS) -o $@ $(filter %.o %.a,$^) $(AGENT_LIBS)

unit: $(UNIT)

# Fuzz targets: `make fuzz-targets` builds them all below build/fuzz, with FUZZ=1 one by one.
# A protocol's target is the one source with the name of its parser.
FUZZ_PROTOS := http1 http2 smtp pop3 imap ftp smb nfs tftp tls
FUZZ_TARGETS := $(FUZZ_PROTOS) any datagram mail frame tcp body archive type uid
FUZZ_SRC = $(or $(wildcard tests/fuzz/fuzz_$(1).c),tests/fuzz/fuzz_session.c)
$(foreach p,$(FUZZ_PROTOS),$(eval FUZZ_FLAGS_$(p) := -DFUZZ_PROTO=proto_$(p)))
FUZZ_FLAGS_datagram := -DFUZZ_UDP=1
FUZZ_FLAGS_tftp += -DFUZZ_UDP=1

$(addprefix $(BUILD)/fuzz_,$(FUZZ_TARGETS)): $(BUILD)/fuzz_%: $(wildcard tests/fuzz/*.c tests/fuzz/*.h) \
		$(BUILD)/libsluice.a
	$(call say,CC,$@)
	$(Q)$(CC) $(CPPFLAGS) -Itests/fuzz $(PKG_CFLAGS) $(ALL_CFLAGS) $(FUZZ_FLAGS_$*) $(LDFLAGS) \
		-fsanitize=fuzzer -o $@ $(call FUZZ_SRC,$*) tests/fuzz/fuzz.c tests/fuzz/spool_memory.c \
		$(BUILD)/libsluice.a $(AGENT_LIBS)

ifeq ($(FUZZ),1)
fuzz-targets: $(addprefix $(BUILD)/fuzz_,$(FUZZ_TARGETS))
else
fuzz-targets: deps-test
	$(Q)$(MAKE) FUZZ=1 fuzz-targets
endif

# make fuzz [TIME=seconds each] [TARGET=name]
fuzz: fuzz-targets
	$(Q)tests/fuzz/run --time $(or $(TIME),60) $(TARGET)

$(BUILD)/testcloud: $(wildcard tests/cloud/*.c tests/cloud/*.h) | deps-test
	$(call say,CC,$@)
	$(Q)mkdir -p $(@D) && $(CC) -D_GNU_SOURCE $(ALL_CFLAGS) -o $@ $(filter %.c,$^) $(LDFLAGS) \
		$(shell pkg-config --cflags --libs libmicrohttpd libssl libcrypto jansson) -lpthread

# GMime as a second opinion on MIME.
$(BUILD)/tests/mime_oracle: $(wildcard tests/mime/*.c tests/mime/*.h) $(BUILD)/libsluice.a | deps-test
	$(call say,CC,$@)
	$(Q)mkdir -p $(@D) && $(CC) $(CPPFLAGS) $(PKG_CFLAGS) $(ALL_CFLAGS) -Wno-unused-function \
		-o $@ $(filter %.c,$^) $(LDFLAGS) $(BUILD)/libsluice.a $(AGENT_LIBS) \
		$(shell pkg-config --cflags --libs gmime-3.0)

# Costs of single questions, for scripts/bench.
$(BUILD)/tests/bench_%: tests/bench/%.c tests/bench/clock.h $(BUILD)/libsluice.a
	$(call say,CC,$@)
	$(Q)mkdir -p $(@D) && $(CC) $(CPPFLAGS) $(PKG_CFLAGS) $(ALL_CFLAGS) $(LDFLAGS) -o $@ $(filter-out %.h,$^) $(AGENT_LIBS)

# The agent on a ring that a test fills, with a clock that it sets, and what kills its processes where it wants.
$(BUILD)/tests/crash_agent: tests/crash/kernel.c tests/crash/clock.c $(BUILD)/agent/main.o $(BUILD)/libsluice.a
	$(call say,LD,$@)
	$(Q)mkdir -p $(@D) && $(CC) $(CPPFLAGS) $(PKG_CFLAGS) $(ALL_CFLAGS) $(LDFLAGS) -o $@ $^ $(AGENT_LIBS)
$(BUILD)/tests/crash_killer: tests/crash/killer.c
	$(call say,CC,$@)
	$(Q)mkdir -p $(@D) && $(CC) $(CPPFLAGS) $(ALL_CFLAGS) $(LDFLAGS) -o $@ $^

# A day of the forwarder in seconds.
$(BUILD)/tests/day: tests/day/day.c $(BUILD)/libsluice.a
	$(call say,CC,$@)
	$(Q)mkdir -p $(@D) && $(CC) $(CPPFLAGS) $(PKG_CFLAGS) $(ALL_CFLAGS) $(LDFLAGS) -o $@ $^ $(AGENT_LIBS)

VM_TOOLS := $(addprefix $(BUILD)/tests/,ringtool nltool tcptool udptool)
$(BUILD)/tests/ringtool $(BUILD)/tests/nltool: tests/vm/genl.c tests/vm/genl.h
$(BUILD)/tests/nltool: agent/lib/list.c agent/lib/inet.c
$(VM_TOOLS): $(BUILD)/tests/%: tests/vm/%.c | deps-test
	$(call say,CC,$@)
	$(Q)mkdir -p $(@D) && $(CC) $(CPPFLAGS) $(ALL_CFLAGS) $(LDFLAGS) -o $@ $(filter %.c,$^)

tests: deps-test agent unit $(BUILD)/testcloud $(BUILD)/tests/mime_oracle $(VM_TOOLS) $(BUILD)/tests/forwarder_driver \
	$(BUILD)/tests/bench_ledger $(BUILD)/tests/crash_agent $(BUILD)/tests/crash_killer \
	$(BUILD)/tests/day

check: deps-test
	$(Q)scripts/check
check-long: deps-test
	$(Q)scripts/check --long
demo: deps-test
	$(Q)scripts/demo
bench: deps-test
	$(Q)scripts/bench
replay-report: agent
	$(Q)tests/replay/corpus.t --report

# ----------------------------------------------------------------- install

install: agent
	install -Dm0755 $(BUILD)/sluiced $(DESTDIR)$(SBINDIR)/sluiced
	install -Dm0755 $(BUILD)/sluicectl $(DESTDIR)$(SBINDIR)/sluicectl
	install -Dm0644 Documentation/man/sluiced.8 $(DESTDIR)$(MANDIR)/man8/sluiced.8
	install -Dm0644 Documentation/man/sluicectl.8 $(DESTDIR)$(MANDIR)/man8/sluicectl.8
	install -Dm0644 Documentation/man/sluice.conf.5 $(DESTDIR)$(MANDIR)/man5/sluice.conf.5
	install -Dm0644 scripts/install/sluiced.service $(DESTDIR)$(UNITDIR)/sluiced.service
	install -Dm0644 scripts/install/sluicectl.bash $(DESTDIR)$(COMPLETIONDIR)/sluicectl
	install -dm0700 $(DESTDIR)$(SYSCONFDIR)/sluice/keys
	test -e $(DESTDIR)$(SYSCONFDIR)/sluice/sluice.conf || \
		install -Dm0640 scripts/install/sluice.conf $(DESTDIR)$(SYSCONFDIR)/sluice/sluice.conf

clean:
	rm -rf build

.PHONY: all agent modules modules_install unit tests check check-long demo bench replay-report fuzz \
	fuzz-targets install clean deps-build deps-test

-include $(shell test -d $(BUILD) && find $(BUILD) -name '*.d')
endif
