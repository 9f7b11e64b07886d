#!/usr/bin/env bash
# Every fuzzer of every module, one after the other, and the long chaos run:
#
#   ci/fuzz.sh         # ten seconds each
#   ci/fuzz.sh 10m     # as long as you like
source "$(dirname "$0")/modules.sh"

each=${1:-10s}
for dir in $(modules); do
	(
		cd "$dir"
		go list ./... | while read -r package; do
			go test -list '^Fuzz' "$package" | { grep '^Fuzz' || true; } | while read -r name; do
				echo "fuzz $package $name"
				go test -run '^$' -fuzz "^$name\$" -fuzztime "$each" "$package"
			done
		done
	)
done

echo "chaos"
go test -race -v -run '^TestChaos$' . -chaos.calls 10000 -chaos.seeds 3
