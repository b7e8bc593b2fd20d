# SPDX-License-Identifier: GPL-2.0-only
#
# Builds sluice.ko for one kernel, outside of the source tree:
#
#	make -f kmod/module.mk [KDIR=DIR | KERNEL=6.1] [OUT=DIR]
#
#   KDIR    the kernel's build directory
#   KERNEL  the beginning of a release, or a whole one; taken from the cache that
#           scripts/kernels fills, or else the newest of Debian's headers installed
#   OUT     where to build; default build/<release>
#   DESTDIR where modules_install puts lib/modules/<release>; default /
#
# Without either: the running kernel's headers if they are there, else the
# newest of Debian's.  Targets: module (default), modules_install, sparse and
# checkpatch (static checks), kdir and release (print them), clean.  Kernels can be
# built at the same time.

MAKEFLAGS += --no-print-directory
SHELL := /bin/sh

top := $(patsubst %/,%,$(dir $(patsubst %/,%,$(dir $(abspath $(lastword $(MAKEFILE_LIST)))))))
cache := $(or $(XDG_CACHE_HOME),$(HOME)/.cache)/sluice/kernels
sources := $(dir $(cache))linux-source-6.12
running := /lib/modules/$(shell uname -r)/build

# Directories of headers whose release fits one of the patterns $1, oldest first.
headers = $(shell cd / && for pattern in $(1); do \
		ls -d /usr/src/linux-headers-$$pattern \
		      $(cache)/[0-9]*/usr/src/linux-headers-$$pattern; \
	done 2>/dev/null | sed 's,.*/linux-headers-\(.*\),\1 &,' | sort -sV -k1,1 | cut -d' ' -f2)

ifdef KERNEL
# 6.1 is not 6.12.  Best is the kernel that scripts/vm runs for this series.
fitting := $(call headers,$(KERNEL) $(KERNEL)[.+-]*-amd64) \
	   $(wildcard $(cache)/$(KERNEL)/usr/src/linux-headers-*-amd64)
else
fitting := $(or $(wildcard $(running)),$(call headers,*-amd64))
endif
kdir := $(or $(KDIR),$(lastword $(fitting)))

ifeq ($(kdir),)
$(error no kernel headers found$(if $(KERNEL), for $(KERNEL)): install linux-headers-amd64, \
	run scripts/kernels $(or $(KERNEL),6.1), or give KDIR=)
endif
ifeq ($(wildcard $(kdir)/Makefile),)
$(error KDIR=$(kdir) has no Makefile: it is not a kernel's build directory)
endif

release := $(shell sed -n 's/.*UTS_RELEASE "\(.*\)"/\1/p' \
		$(kdir)/include/generated/utsrelease.h 2>/dev/null)
ifeq ($(release),)
$(error KDIR=$(kdir) says no release: the kernel there is not prepared for modules)
endif
out := $(abspath $(or $(OUT),$(top)/build/$(release)))
kbuild = $(MAKE) -C $(kdir) M=$(out)

module: $(out)/Kbuild
	+@$(kbuild) modules

# depmod only where the kernel lives that will look for it.  Signed only where the
# kernel's key is, which Debian keeps to itself.
unsigned = $(if $(wildcard $(kdir)/certs/signing_key.pem),,CONFIG_MODULE_SIG_ALL=)
modules_install: module
	+@$(kbuild) INSTALL_MOD_PATH=$(DESTDIR) INSTALL_MOD_DIR=updates $(unsigned) modules_install
	$(if $(DESTDIR),,@depmod $(release))

sparse: $(out)/Kbuild
	+@rm -f $(out)/kmod/*.o
	+@$(kbuild) C=2 CF="-D__CHECK_ENDIAN__ -Wsparse-error" modules

# kbuild puts objects beside the sources, so those get a place of their own.
$(out)/Kbuild: FORCE
	@mkdir -p $(out)/kmod/compat
	@ln -sfn $(top)/uapi $(out)/uapi
	@ln -sf $(top)/kmod/*.[ch] $(out)/kmod/
	@ln -sf $(top)/kmod/compat/* $(out)/kmod/compat/
	@find $(out)/kmod -xtype l -delete
	@ln -sf $(top)/Kbuild $@

ignored = $(shell sed -n 's/^\([A-Z_]\{1,\}\).*/\1/p' $(top)/kmod/checkpatch.ignore | paste -sd,)

# checkpatch.pl comes from Debian's kernel source, see scripts/kernel-source.
checkpatch:
	@cd $(top) && perl $(sources)/scripts/checkpatch.pl --no-tree --strict --quiet --terse \
		--show-types --no-summary --max-line-length=96 --ignore $(ignored) \
		-f Kbuild kmod/*.[ch] kmod/compat/*.c uapi/linux/sluice.h

kdir:
	@echo $(kdir)

release:
	@echo $(release)

clean:
	rm -rf $(out)

FORCE:

.PHONY: module modules_install sparse checkpatch kdir release clean FORCE
