#!/usr/bin/env bash
# All tests of all modules under the race detector, the coverage of the root
# package, and the quickstart.
source "$(dirname "$0")/modules.sh"

command -v gcc >/dev/null || command -v clang >/dev/null || { echo "go test -race needs a C compiler: install gcc or clang"; exit 1; }
./ci/setup.sh

# The root package comes last, alone: it has the flag -long, which no other knows.
root=$(go list .)
for dir in $(modules); do
	echo "test $dir"
	(cd "$dir" && go build ./... && go list ./... | grep -vx "$root" | xargs go test -race -timeout 10m)
done

echo "test the root package, its long runs too"
go test -race -timeout 20m . -long

# What the race detector leaves out: counts of allocations, and a breach of the
# contract that it would report before the test can.
echo "test without the race detector"
go test -timeout 5m ./steadyhttptest ./internal/...

echo "coverage of the root package"
profile=$(mktemp)
trap 'rm -f "$profile"' EXIT
go test -timeout 10m -coverprofile "$profile" . -long
go tool cover -func "$profile" | awk '
	/^total:/ { share = $3 + 0; print "covered: " $3 }
	END { if (share < 90) { print "want at least 90%"; exit 1 } }'

echo "quickstart"
go run ./examples/quickstart
