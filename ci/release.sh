#!/usr/bin/env bash
# What must be true before a version is tagged; RELEASING.md says when to run it.
#
#   ci/release.sh v0.1.0
#
# It changes nothing, and says at the end what to tag.
source "$(dirname "$0")/modules.sh"

apidiff() { go run golang.org/x/exp/cmd/apidiff@v0.0.0-20260813180055-c1d0aacb2297 "$@" 2> >(grep -v '^Ignoring internal package' >&2); }

version=${1-}
[[ $version =~ ^v[0-9]+\.[0-9]+\.[0-9]+(-[0-9A-Za-z.-]+)?$ ]] || { echo "usage: ci/release.sh v1.2.3" >&2; exit 2; }
root=$(go list -m)
status=0
wrong() { echo "release: $*" >&2; status=1; }

[ -z "$(git status --porcelain)" ] || wrong "there are changes that are not committed"
grep -qE "^## \[?${version#v}\]? - [0-9]{4}-[0-9]{2}-[0-9]{2}$" CHANGELOG.md || wrong "CHANGELOG.md has no heading '## ${version#v} - YEAR-MM-DD'"
! git rev-parse -q --verify "refs/tags/$version" >/dev/null || wrong "the tag $version is taken"
[ -f LICENSE ] || wrong "there is no LICENSE"

echo "release: api.txt and LICENSES.md"
go run ./ci/api | diff -q api.txt - >/dev/null || wrong "api.txt is not what the packages export: go run ./ci/api -w"
go run ./ci/licenses | diff -q LICENSES.md - >/dev/null || wrong "LICENSES.md is not true: go run ./ci/licenses -w"

echo "release: the modules"
for dir in $(published); do
	(cd "$dir" && go mod tidy -diff >/dev/null) || wrong "$dir/go.mod is not tidy: go mod tidy"
	# What consumers see of a nested module are its requirements, without the replacements.
	(cd "$dir" && go list -m -f '{{if not .Main}}{{.Path}} {{.Version}}{{end}}' all) | { grep -E "^$root[/ ]" || true; } | while read -r path required; do
		[ "$required" = "$version" ] || { echo "release: $dir requires $path $required, want $version: cd $dir && go mod edit -require=$path@$version" >&2; exit 1; }
	done || status=1
done

tmp=$(mktemp -d)
top=$PWD
trap 'cd "$top"; chmod -R u+w "$tmp"; rm -rf "$tmp"; git worktree prune' EXIT

last=$(git tag --merged HEAD --list 'v*' --sort=-v:refname | head -n 1)
if [ -n "$last" ]; then
	echo "release: what changes since $last"
	git worktree add -q --detach "$tmp/last" "$last"
	(cd "$tmp/last" && apidiff -m -w "$tmp/last.export" "$root")
	apidiff -m "$tmp/last.export" "$root"
	git worktree remove -f "$tmp/last"
	incompatible=$(apidiff -m -incompatible "$tmp/last.export" "$root")
	# Before v1 the second number says that something breaks, afterwards the first.
	compatible=${last%%.*}
	[ "$compatible" != v0 ] || compatible=${last%.*}
	case "$version" in
	"$compatible".*) [ -z "$incompatible" ] || wrong "$version would break what $last promised:
$incompatible" ;;
	esac
else
	echo "release: there is no earlier tag to compare with"
fi

# A consumer gets a module as the proxies have it, and its replacements are not for him.
echo "release: a consumer of $version"
mkdir "$tmp/tree" "$tmp/consumer"
git archive HEAD | tar -x -C "$tmp/tree"
go build -o "$tmp/modproxy" ./ci/modproxy
published=$(published)
export GOPROXY="file://$tmp/proxy,$(go env GOPROXY)" GONOSUMDB="$root,$root/*" GOFLAGS=-mod=mod GOMODCACHE="$tmp/modcache" GOTOOLCHAIN=local
libraries=$root
commands=$root/cmd/steadyhttp
later= # the modules whose tag stands on a commit without replacements: go install refuses them else
cd "$tmp/tree"
for dir in $published; do "$tmp/modproxy" -to "$tmp/proxy" -version "$version" "$dir"; done
for dir in $published; do
	if [ "$dir" != . ]; then
		if (cd "$dir" && go list -f '{{.Name}} {{.ImportPath}}' ./...) | grep '^main ' | grep -v /examples/ >"$tmp/mains"; then
			later="$later $dir"
			commands="$commands $(cut -d' ' -f2 "$tmp/mains")"
			for path in $root $(printf "$root/%s " $published); do (cd "$dir" && go mod edit -dropreplace="${path%/.}"); done
			(cd "$dir" && go mod tidy) || wrong "$dir cannot do without its replacements"
			"$tmp/modproxy" -to "$tmp/proxy" -version "$version" "$dir"
		else
			libraries="$libraries $root/$dir"
		fi
	fi
done
cd "$tmp/consumer"
go mod init example.com/consumer 2>/dev/null
{ echo 'package main'; for path in $libraries; do echo "import _ \"$path\""; done; echo 'func main() {}'; } >main.go
for path in $libraries; do go get "$path@$version" 2>/dev/null || wrong "go get $path@$version fails"; done
go build -o /dev/null . || wrong "a program that imports $libraries does not build"
for path in $commands; do GOBIN="$tmp/bin" go install "$path@$version" || wrong "go install $path@$version fails"; done
"$tmp/bin/steadyhttp" version | grep -qx "steadyhttp $version" || wrong "steadyhttp version does not say $version"

[ $status = 0 ] || { echo "release: not yet" >&2; exit 1; }
echo "release: $version is ready. RELEASING.md says how to tag it."
[ -z "$later" ] || echo "release: on a commit of their own, without replacements:$later"
