#!/usr/bin/env bash
# The tests.
#
#   ci/test.sh        # the root module and redissteady. It needs Go and nothing else.
#   ci/test.sh all    # what CI runs: all modules, the race detector, coverage, the quickstart.
#                     # It needs a C compiler too.
#
# Both say at the start how long they take, and at the end what was skipped and why.
# With CI=true, what is skipped for want of a program is a failure.
source "$(dirname "$0")/modules.sh"

case "${1-}" in
'') echo "The tests of the root module and redissteady take some three minutes on two cores; the first time another two, to download and compile." ;;
all)
	command -v gcc >/dev/null || command -v clang >/dev/null || { echo "ci/test.sh all: go test -race needs a C compiler: install gcc or clang"; exit 1; }
	echo "All tests of all modules take some 15 minutes on two cores; the first time another five, to download and compile."
	;;
*)
	sed -n '2,/^$/s/^# \{0,1\}//p' "$0" >&2
	exit 2
	;;
esac

tmp=$(mktemp -d)
trap finish EXIT
finish() {
	status=$?
	allow=
	[ -z "${CI-}" ] || allow='race detector' # which leaves out what has been run without it
	[ ! -f "$tmp/skips" ] || "$tmp/testlog" -count "$tmp/skips" -allow "$allow" || status=1
	rm -rf "$tmp"
	exit $status
}
go build -o "$tmp/testlog" ./ci/testlog

# go_test runs go test in the folder of a module.
go_test() (
	cd "$1"
	go test -json "${@:2}" | "$tmp/testlog" -skips "$tmp/skips"
)

root=$(go list .)
others=$(go list ./... | grep -vx "$root")

if [ "${1-}" != all ]; then
	go_test . ./...
	go_test redissteady -parallel 8 ./... # most of its tests wait
	exit
fi

# Without the race detector, which leaves out counts of allocations, and would report
# some breaches of the contract before the tests of it can.
echo "test the root module, and the coverage of its root package"
go_test . $others
go_test . -timeout 10m -coverprofile "$tmp/coverage" .
go tool cover -func "$tmp/coverage" | awk '
	/^total:/ { share = $3 + 0; print "covered: " $3 }
	END { if (share < 90) { print "want at least 90%"; exit 1 } }'

# There is no race where nothing runs concurrently. The packages that use nothing of
# sync, and these tests, which are one goroutine that counts or simulates for long, have
# been run above. The root package is alone, since no other has the flag -long.
echo "test the root module with the race detector, the root package's long runs too"
alone='^(TestHundredThousandKeys|TestPeekSaysWhatAcquireDoes|TestThreePrioritiesCostNoMore|TestForgetHosts|TestManyHostsWithManyKeys)$'
concurrent=$(go list -f '{{.ImportPath}} {{join .Imports " "}} {{join .TestImports " "}} {{join .XTestImports " "}} ' $others |
	grep -E ' (sync|sync/atomic|testing/synctest) ' | cut -d' ' -f1)
go_test . -race -timeout 10m -skip "$alone" $concurrent
go_test . -race -timeout 20m -skip "$alone" . -long

for dir in $(modules | grep -vx .); do
	echo "test $dir with the race detector"
	go_test "$dir" -race -timeout 10m ./...
done

echo "quickstart"
go run ./examples/quickstart
