#!/usr/bin/env bash
# Formats all Go files; with -l, only lists what is not formatted, and fails.
source "$(dirname "$0")/modules.sh"

if [ "${1:-}" = -l ]; then
	unformatted=$(gofmt -l .)
	[ -z "$unformatted" ] || { echo "not formatted (run ci/fmt.sh):"; echo "$unformatted"; exit 1; }
else
	gofmt -w .
fi
