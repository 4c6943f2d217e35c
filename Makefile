# Everything here needs Go only, but for test-real (Java 17 and Maven, or Docker; Python and Node.js) and kafka (Java 17 and Maven, or
# Docker). What a step lacks it fetches, or names.

STATICCHECK := honnef.co/go/tools/cmd/staticcheck@v0.8.2
BENCHSTAT   := golang.org/x/perf/cmd/benchstat@v0.0.0-20260908200009-22c9c6c9d4da
FUZZTIME    ?= 20s
RUNS        ?= 3000
SEED        ?= 1000
GO          := go

.DEFAULT_GOAL := help

.PHONY: help
help: ## Show this list
	@awk 'BEGIN {FS = ":.*## "} /^[a-z-]+:.*## / {printf "  %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

.PHONY: demo
demo: ## See it work: simulator, broker and registry embedded, no account needed
	@$(GO) run ./cmd/convstream demo

.PHONY: build
build: ## Build ./build/convstream
	$(GO) build -trimpath -o build/convstream ./cmd/convstream

.PHONY: test
test: ## Run every test that needs Go only
	$(GO) test -timeout 30m ./...

# With one processor: in a synctest bubble, Go 1.26 lets two threads that receive from expired timers share one context of the
# race detector, and the process dies in it of a SIGSEGV. What races is told by what orders two accesses, and not by their
# running at one moment, so little is missed. SHORT=-short leaves out the longest.
.PHONY: test-race
test-race: ## The same under the race detector
	$(GO) test -race -cpu 1 $(SHORT) -timeout 60m ./...

.PHONY: test-real
test-real: ## Run the promises on real Apache Kafka and a real registry
	cd testcontainers && CONVSTREAM_REQUIRE_REAL=1 $(GO) test -json -count=1 -timeout 60m ./... | $(GO) run ./cmd/required -list required.txt

.PHONY: soak
soak: ## Thousands of seeded runs of everything in virtual time: RUNS from SEED on
	$(GO) test ./internal/soak -run TestR2 -seed $(SEED) -runs $(RUNS) -timeout 12h

.PHONY: kafka
kafka: ## Start a one-node Apache Kafka to play with, on 127.0.0.1:9092
	cd testcontainers && $(GO) run ./cmd/kafka $(ARGS)

.PHONY: check
check: lint test ## What every commit passes: format, vet, staticcheck, tests

.PHONY: lint
lint: ## Format, vet and staticcheck
	@unformatted=$$(gofmt -l . ); if [ -n "$$unformatted" ]; then echo "gofmt -w these: $$unformatted"; exit 1; fi
	$(GO) vet ./...
	$(GO) run $(STATICCHECK) ./...
	cd testcontainers && $(GO) vet ./... && $(GO) run $(STATICCHECK) ./...

.PHONY: requirements
requirements: ## Write docs/requirements.md: which test holds which requirement
	$(GO) test ./internal/lint -run TestTheListOfRequirements -write

# To shorten a long input would use up the time, so little is tried. An input that is under way when the time is over can end
# go test as if it had failed (golang/go#75804); one that does fail is named.
.PHONY: fuzz
fuzz: ## Fuzz every fuzz target for FUZZTIME each, from the committed corpus on
	@mkdir -p build
	@set -e; for dir in $$(grep -rl --include='*_test.go' '^func Fuzz' . | xargs -n 1 dirname | sort -u); do \
		targets=$$($(GO) test -list '^Fuzz' $$dir); \
		for target in $$(echo "$$targets" | grep '^Fuzz'); do \
			if $(GO) test -run xxx -fuzz "^$$target$$" -fuzztime $(FUZZTIME) -fuzzminimizetime 20x $$dir >build/fuzz.txt 2>&1; then \
				echo "$$dir $$target: $$(grep -o 'execs: [0-9]*' build/fuzz.txt | tail -n 1)"; \
			elif grep -q 'context deadline exceeded' build/fuzz.txt && ! grep -qE 'Failing input|panic|hung' build/fuzz.txt; then \
				echo "$$dir $$target: the time was over within an input"; \
			else cat build/fuzz.txt; exit 1; fi; done; done

.PHONY: bench
bench: ## Run the benchmarks; compare two runs with benchstat
	@mkdir -p build
	$(GO) test -run xxx -bench . -benchmem -count 6 ./... | tee build/bench.txt
	$(GO) run $(BENCHSTAT) build/bench.txt
