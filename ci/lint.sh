#!/usr/bin/env bash
# go vet, staticcheck, tidy go.mod files, the exported surface, and the pages: what is
# generated in them, their links and their code.
source "$(dirname "$0")/modules.sh"

staticcheck=honnef.co/go/tools/cmd/staticcheck@v0.8.2 # go run fetches and builds it

# go vet wants the dependencies compiled. With -race they are those that ci/test.sh
# compiles; without, all the SDKs of integration would be compiled twice.
# staticcheck would read their sources as well, for minutes, and is left out there.
for dir in $(modules); do
	echo "lint $dir"
	(
		cd "$dir"
		go mod tidy -diff
		go vet -race ./...
		[ "$dir" = integration ] || go run $staticcheck ./...
	)
done

echo "lint api.txt"
surface=$(go run ./ci/api) # apart, so that a failure of the tool is not taken for a change
if ! diff -u api.txt - <<<"$surface"; then
	echo "What the packages export has changed. If that is meant: go run ./ci/api -w"
	exit 1
fi

echo "lint the table of fields"
if ! diff -u <(sed -n '/<!-- fields -->/,/<!-- end of fields -->/p' docs/logging.md | sed '1d;$d') <(go run ./ci/fields); then
	echo "docs/logging.md's table of fields is not that of entry.go: go run ./ci/fields -w"
	exit 1
fi

echo "lint LICENSES.md"
if ! diff -u LICENSES.md <(go run ./ci/licenses); then
	echo "What comes along has changed. Look at the licences, then: go run ./ci/licenses -w"
	exit 1
fi

echo "lint the links and the Go blocks of all pages"
go run ./ci/docs -race
