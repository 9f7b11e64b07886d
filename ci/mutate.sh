#!/usr/bin/env bash
# Mutation testing: changes one operator or condition at a time, and counts the changes
# that no test of the package notices. A change that lives shows a line that nothing
# tests, or one that does nothing: take that away, or list it in ci/mutants.md.
#
#   ci/mutate.sh                     # the internal packages, limit and debugsteady: hours
#   ci/mutate.sh ./internal/wait     # one package: a few seconds a change
#
# It is for now and then, by hand: CI does not run it. It fails where under 88% of the
# changes to code that tests reach are noticed.
source "$(dirname "$0")/modules.sh"

gremlins=github.com/go-gremlins/gremlins/cmd/gremlins@v0.6.0 # go install fetches and builds it

tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
GOBIN=$tmp go install "$gremlins"

[ $# -gt 0 ] || set -- $(go list -f '{{if or .TestGoFiles .XTestGoFiles}}{{.ImportPath}}{{end}}' ./internal/... ./limit ./debugsteady | sed "s|^$(go list -m)|.|")
status=0
for dir; do
	echo "mutate $dir"
	# An endless loop counts as noticed: its test runs into this multiple of the usual time.
	"$tmp/gremlins" unleash --workers 1 --timeout-coefficient 20 --threshold-efficacy 88 -S lt "$dir" || status=1
done
exit $status
