SHELL := /bin/bash
.SHELLFLAGS := -o pipefail -ec
.DELETE_ON_ERROR:
.DEFAULT_GOAL := help

GO          ?= go
FUZZTIME    ?= 20s
STATICCHECK := honnef.co/go/tools/cmd/staticcheck@v0.7.0

VERSION := $(shell git describe --tags --always --dirty 2>/dev/null || echo unknown)
COMMIT  := $(shell git rev-parse HEAD 2>/dev/null || echo unknown)
LDFLAGS := -s -w -X main.version=$(VERSION) -X main.commit=$(COMMIT)

# The helper for each kind of host goes into the controller.
ARCHES  := amd64 arm64 arm riscv64
DIST    := cmd/netrun/internal/push/binaries/dist
HELPERS := $(ARCHES:%=$(DIST)/helper-linux-%.gz)
# Without inlining outside the standard library the helper is a tenth smaller; what
# it spends its time on is the kernel, and every first contact sends it.
HELPERFLAGS := -trimpath -buildvcs=false -gcflags='netrun/...=-l' -gcflags='github.com/...=-l'
# All that the helper could be made of; go build's own cache settles the rest.
HELPER_SOURCES := go.mod go.sum $(shell find inventory playbooks remote-helper tasks templates \
	-type f ! -name '*_test.go' ! -path '*/testdata/*' 2>/dev/null)

.PHONY: help
help: ## show this list
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / {printf "  make %-10s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

.PHONY: build
build: helpers ## bin/netrun, with the helpers for all hosts in it
	CGO_ENABLED=0 $(GO) build -trimpath -ldflags "$(LDFLAGS)" -o bin/netrun ./cmd/netrun

.PHONY: helpers
helpers: $(HELPERS) ## the static helper for linux on amd64, arm64, arm and riscv64

$(DIST)/helper-linux-%.gz: $(HELPER_SOURCES)
	@echo "helper linux/$*"
	@CGO_ENABLED=0 GOOS=linux GOARCH=$* $(GO) build $(HELPERFLAGS) -ldflags "-s -w -buildid=" -o $(DIST)/.helper-$* ./remote-helper
	@sha256sum < $(DIST)/.helper-$* | cut -d' ' -f1 > $(DIST)/helper-linux-$*.sha256
	@gzip -n -9 < $(DIST)/.helper-$* > $@
	@rm -f $(DIST)/.helper-$*

.PHONY: demo
demo: ## a lab of three nodes and a router, a play on it, and proof that it works
	@bash e2e/demo.sh

.PHONY: test
test: deps lint build cross ## everything that CI does (ten minutes on a machine of its own)
	@{ rc=0; \
	   $(GO) test -json -timeout 15m $$($(GO) list ./... | grep -v '^netrun/e2e') || rc=1; \
	   $(GO) test -json -p 1 -count=1 -timeout 30m ./e2e/... || rc=1; \
	   exit $$rc; } | $(GO) run ./e2e/summary

.PHONY: vm
vm: ## reboots, power cuts and every kind of link, on two virtual machines
	@.ci/install e2e/vm/needs
	@$(GO) test -json -tags vm -count=1 -timeout 60m $(VMFLAGS) ./e2e/vm | $(GO) run ./e2e/summary -v

.PHONY: lint
lint: ## gofmt, go vet and staticcheck
	@unformatted=$$(gofmt -s -l $$(git ls-files -co --exclude-standard '*.go')); \
	   if [ -n "$$unformatted" ]; then echo "not formatted (gofmt -s -w):"; echo "$$unformatted"; exit 1; fi
	$(GO) vet ./...
	$(GO) vet -tags vm ./e2e/vm
	$(GO) run $(STATICCHECK) ./...

.PHONY: cross
cross: helpers ## netrun for the systems that it runs on
	@for target in linux/arm64 darwin/arm64 windows/amd64; do \
	   echo "netrun $$target"; \
	   CGO_ENABLED=0 GOOS=$${target%/*} GOARCH=$${target#*/} $(GO) build -o /dev/null ./cmd/netrun; \
	 done

.PHONY: bench
bench: build ## measurements against a lab of 10 and 50 hosts, as a table
	$(GO) run ./e2e/bench $(BENCHFLAGS)

.PHONY: fuzz
fuzz: ## every fuzz target for FUZZTIME (20s)
	@for pkg in $$($(GO) list ./...); do \
	   for target in $$($(GO) test -list '^Fuzz' $$pkg | grep '^Fuzz' || true); do \
	     echo "$$pkg $$target"; \
	     $(GO) test -run '^$$' -fuzz "^$$target$$" -fuzztime $(FUZZTIME) $$pkg; \
	   done; \
	 done

.PHONY: deps
deps: ## what building and testing need, with the system's package manager
	@.ci/install

.PHONY: clean
clean: ## remove what make made
	rm -rf bin $(DIST)/helper-linux-* $(DIST)/.helper-*
