# `make run` and `make test` do all the set-up themselves. `make help` lists the rest.
SHELL := /bin/bash
SWIFT ?= swift
BUILD := .build/release
PRODUCTS := xgen-server xgen-sidecar xgen-bench
RUNTIME_PACKAGES := libuv1-dev libssl-dev libcurl4-openssl-dev libyaml-dev pkg-config bubblewrap python3
BROWSER_PACKAGES := chromium node-ws esbuild openssl xterm
JUPYTER := .build/jupyter
DJANGO := .build/django
DESKTOP_PACKAGES := tigervnc-standalone-server tigervnc-tools openbox websockify novnc
TEST_PACKAGES := python3-venv python3-pip git mawk procps gcc passt nftables iproute2 $(DESKTOP_PACKAGES)
IMAGE_PACKAGES := ca-certificates mmdebstrap busybox-static
VENV := .build/venv
PROMTOOL := .build/promtool
IMAGES := .build/images
# One after the other: each runs its tests in parallel, and hundreds of loops at once would only
# starve each other's deadlines.
TEST_TARGETS := XgenProtocolTests ReactorTests XgenSidecarTests XgenServerTests IntegrationTests FuzzCorpusTests
SUDO := $(shell [ "$$(id -u)" = 0 ] || echo sudo)
RUN_ARGS ?= --dev
FUZZ_SECONDS ?= 120
FUZZ_TARGET ?=

.PHONY: help deps deps-test deps-images build run test test-swift test-wire test-browser test-kubernetes images fuzz sanitize lint format openapi bench clean

help: ## this list
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | awk -F':.*## ' '{printf "  make %-16s %s\n", $$1, $$2}'

# Installs the Debian packages of $(1) that are missing, by name.
define install
	@command -v $(SWIFT) >/dev/null || { \
	  echo "Swift 6.3 is needed: https://www.swift.org/install/linux/debian/" >&2; exit 1; }
	@missing=""; for p in $(1); do \
	  dpkg-query -W -f='$${Status}' $$p 2>/dev/null | grep -q 'ok installed' || missing="$$missing $$p"; \
	done; \
	if [ -n "$$missing" ]; then \
	  echo "installing:$$missing"; \
	  $(SUDO) apt-get update -qq && \
	  $(SUDO) env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq $$missing >/dev/null; \
	fi
endef

deps: ## install the Debian packages that building and running need
	$(call install,$(RUNTIME_PACKAGES))

deps-test: deps
	$(call install,$(TEST_PACKAGES))
	@command -v node >/dev/null || $(SUDO) env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq nodejs >/dev/null

build: deps ## release binaries in .build/release: xgen-server, xgen-sidecar, xgen-bench
	@for p in $(PRODUCTS); do \
	  $(SWIFT) build -c release --static-swift-stdlib --product $$p || exit 1; done

run: build ## build, then serve on http://127.0.0.1:8080 with the local backend
	exec $(BUILD)/xgen-server $(RUN_ARGS)

test: test-swift test-wire ## set up and run every test

test-swift: deps-test build
	$(SWIFT) build --build-tests
	@for t in $(TEST_TARGETS); do \
	  echo "$$t"; SWT_EXPERIMENTAL_MAXIMUM_PARALLELIZATION_WIDTH=8 \
	  $(SWIFT) test --skip-build --parallel --filter "^$$t\." 2>&1 \
	  | grep -vE '^(◇|✔ Suite|✔ Test ([^r]|r[^u]|ru[^n]|run[^ ]))' ; [ $${PIPESTATUS[0]} = 0 ] || exit 1; done

$(VENV)/ready: Tests/Conformance/requirements.txt
	/usr/bin/python3 -m venv $(VENV)
	$(VENV)/bin/pip install -q -r Tests/Conformance/requirements.txt
	@touch $@

# Out of Debian's package, without its service.
$(PROMTOOL):
	@rm -rf .build/prometheus && mkdir -p .build/prometheus
	cd .build/prometheus && get="apt-get -qq -o APT::Sandbox::User=root download prometheus" && \
	  { $$get 2>/dev/null || { $(SUDO) apt-get update -qq && $$get; }; } && \
	  dpkg-deb -x prometheus_*.deb .
	@mv .build/prometheus/usr/bin/promtool $@ && rm -rf .build/prometheus

# A client in another language, on its own codecs, against the built server.
test-wire: deps-test build $(VENV)/ready $(PROMTOOL)
	$(VENV)/bin/pytest -q Tests/Conformance

# JupyterLab as sandboxes get it, with the Python that they see.
$(JUPYTER)/ready: $(VENV)/ready
	@rm -rf $(JUPYTER)
	$(VENV)/bin/pip install -q --target $(JUPYTER) jupyterlab==4.6.6 ipykernel==7.4.0
	@touch $@

$(DJANGO)/ready: $(VENV)/ready
	@rm -rf $(DJANGO)
	$(VENV)/bin/pip install -q --target $(DJANGO) django==5.2.19
	@touch $@

test-browser: deps-test build $(VENV)/ready $(JUPYTER)/ready $(DJANGO)/ready ## previews by a real Chromium
	$(call install,$(BROWSER_PACKAGES))
	$(VENV)/bin/pytest -q Tests/Browser

# The same clients, against sandboxes that are pods of the cluster that KUBECONFIG names.
# XGEN_LOAD_IMAGE: a command that puts image archives into it.
test-kubernetes: images ## the tests on the Kubernetes cluster of KUBECONFIG (see docs/DEPLOY.md)
	@[ -n "$$KUBECONFIG" ] || { echo "set KUBECONFIG; .ci/kubernetes makes a cluster" >&2; exit 1; }
	$(VENV)/bin/pytest -q Tests/Kubernetes

$(VENV)/ready-kubernetes: $(VENV)/ready Tests/Kubernetes/requirements.txt
	$(VENV)/bin/pip install -q -r Tests/Kubernetes/requirements.txt
	@touch $@

deps-images: deps-test
	$(call install,$(IMAGE_PACKAGES))

# Debian's part changes with nothing of ours, so it is made once.
$(IMAGES)/xgen-%.tar: | deps-images
	deploy/images/build $*

images: deps-images build $(VENV)/ready-kubernetes $(addprefix $(IMAGES)/xgen-,runtime.tar desktop.tar busybox.tar) ## .build/images/*.tar: server, sidecar, desktop and example runtimes
	deploy/images/build server sidecar

fuzz: deps ## run every fuzz target for FUZZ_SECONDS (120), or FUZZ_TARGET alone
	FUZZ_SECONDS=$(FUZZ_SECONDS) FUZZ_TARGET=$(FUZZ_TARGET) Tests/Fuzz/run

# Runs the tests under sanitizer $(1) in .build-$(2), with its options $(3); any report fails, be
# it of a program that a test started.
define sanitized
	@rm -f .build-$(2)/report.*
	$(SWIFT) build --build-tests --sanitize=$(1) --scratch-path .build-$(2)
	@status=0; for t in $(TEST_TARGETS); do \
	  echo "$$t, $(1)"; \
	  SWIFT_BACKTRACE=enable=no SWT_EXPERIMENTAL_MAXIMUM_PARALLELIZATION_WIDTH=4 \
	  $(3):log_path=$(CURDIR)/.build-$(2)/report \
	  $(SWIFT) test --skip-build --sanitize=$(1) --scratch-path .build-$(2) --filter "^$$t\." 2>&1 \
	  | grep -vE '^(◇|✔ Suite|✔ Test ([^r]|r[^u]|ru[^n]|run[^ ]))' ; [ $${PIPESTATUS[0]} = 0 ] || status=1; done; \
	if cat .build-$(2)/report.* 2>/dev/null; then status=1; fi; exit $$status
endef

sanitize: deps-test build ## run the Swift tests under AddressSanitizer, then under ThreadSanitizer
	$(call sanitized,address,asan,ASAN_OPTIONS=detect_leaks=0)
	$(call sanitized,thread,tsan,TSAN_OPTIONS=suppressions=$(CURDIR)/Tests/tsan.suppressions)

lint: ## formatting and repeated-import rules; no output is good
	$(SWIFT) format lint --strict --recursive --parallel Package.swift Sources Tests bench

format: ## rewrite sources in the project's format
	$(SWIFT) format --in-place --recursive --parallel Package.swift Sources Tests bench

openapi: build ## renew docs/openapi.json
	$(BUILD)/xgen-server --openapi | python3 -m json.tool --indent 1 > docs/openapi.json

bench: build ## a short run of every benchmark, then beside nginx, haproxy and a C relay
	bench/run
	bench/compare/run --quick

clean: ## remove what was built
	rm -rf .build .build-*
