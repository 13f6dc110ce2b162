# The checks themselves are listed once, in .ci/run; each has a target here.

CHECKS := fmt-check tidy-check vet lint test race properties fuzz-seeds quickstart nested playground conformance e2e clean-tree

# How long `make fuzz` fuzzes each target.
FUZZTIME ?= 10s
# Which benchmarks `make bench` runs, and how.
BENCH ?= .
BENCHFLAGS ?= -benchmem

.PHONY: help check $(CHECKS) fmt tidy fuzz bench update conformance-speed conformance-bugs

help:
	@echo 'make check        all that CI runs (SKIP_CONFORMANCE=1 leaves the slowest out)'
	@echo '                  or one of: $(CHECKS)'
	@echo 'make fmt tidy     put formatting and the go.mod files in order'
	@echo 'make update       rewrite the scenario files and the README from what the code prints'
	@echo 'make fuzz         fuzz each target for FUZZTIME ($(FUZZTIME))'
	@echo 'make bench        run the benchmarks matching BENCH ($(BENCH))'
	@echo 'make conformance-speed  the library and the real controller side by side, with the ratios'
	@echo 'make conformance-bugs   plant bugs in the library one by one: conformance has to catch each (an hour)'

check:
	@.ci/run

$(CHECKS):
	@.ci/run $@

fmt:
	gofmt -w .

tidy:
	@for m in $$(find . -name testdata -prune -o -name go.mod -print); do \
		echo "$$(dirname $$m)"; (cd "$$(dirname $$m)" && go mod tidy) || exit 1; \
	done

# Only packages whose tests declare the flag know -update.
update:
	@for d in $$(grep -rl --include='*_test.go' 'flag.Bool("update"' . | xargs -n 1 dirname | sort -u); do \
		(cd "$$d" && go test -count=1 . -update) || exit 1; \
	done

fuzz:
	@for p in $$(go list ./...); do \
		for f in $$(go test -list '^Fuzz' $$p | grep '^Fuzz'); do \
			echo "$$p $$f"; go test -run '^$$' -fuzz "^$$f\$$" -fuzztime $(FUZZTIME) $$p || exit 1; \
		done; \
	done

bench:
	go test -run '^$$' -bench '$(BENCH)' $(BENCHFLAGS) ./...

conformance-speed:
	@cd internal/conformance && go test -count=1 -timeout 30m -run '^TestSpeed$$' -v . -speed

conformance-bugs:
	@cd internal/conformance && go test -count=1 -timeout 10h -run '^TestPlantedBugs$$' -v . -plant
