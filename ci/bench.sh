#!/usr/bin/env bash
# Measures steadyhttp beside its rivals, and writes docs/benchmarks.md. It takes
# some ten minutes; the fewer others use the machine, the better the timings.
# With -virtual, what is measured in real time stays as it is.
source "$(dirname "$0")/modules.sh"

mkdir -p docs
cd bench
go test -run TestScenarios -timeout 20m -count 1 -v -report ../docs/benchmarks.md "$@" . | grep -v '^=== RUN'
echo "wrote docs/benchmarks.md"
