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
	tool=$(mktemp)
	trap 'rm -f "$tool"' EXIT
	GOARCH=386 go build -o "$tool" ./ci/testlog
	status=0
	"$tool" -h >/dev/null 2>&1 || status=$?
	if [ $status = 126 ]; then # the kernel takes no such file for a program
		echo "test linux/386: compiled, and not run, since the kernel of this machine runs no 32-bit programs"
		exit
	fi
	echo "test linux/386"
	GOARCH=386 go test -short . ./limit/... ./internal/...
fi
