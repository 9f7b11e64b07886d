#!/usr/bin/env bash
# Compiles the root module, its tests too, for the systems that the tests do not run on.
# linux/386 is the one where 64-bit counters may lie where an atomic operation panics;
# where this machine can, the tests run there as well.
source "$(dirname "$0")/modules.sh"

export CGO_ENABLED=0
for target in windows/amd64 darwin/arm64 linux/386; do
	echo "cross $target"
	(
		export GOOS=${target%/*} GOARCH=${target#*/}
		go vet ./...
		go test -c -o /dev/null .
	)
done

if [ "$(go env GOHOSTOS)/$(go env GOHOSTARCH)" = linux/amd64 ]; then
	echo "test linux/386"
	GOARCH=386 go test -short . ./limit/... ./internal/...
fi
