#!/usr/bin/env bash
# go vet, staticcheck, tidy go.mod files, and the exported surface.
source "$(dirname "$0")/modules.sh"

staticcheck=honnef.co/go/tools/cmd/staticcheck@v0.8.2 # go run fetches and builds it

for dir in $(modules); do
	echo "lint $dir"
	(
		cd "$dir"
		go mod tidy -diff
		go vet ./...
		go run $staticcheck ./...
	)
done

echo "lint api.txt"
if ! diff -u api.txt <(go run ./ci/api . ./steadyhttptest); then
	echo "The exported surface changed. If that is meant: go run ./ci/api . ./steadyhttptest > api.txt"
	exit 1
fi
