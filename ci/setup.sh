#!/usr/bin/env bash
# What the tests need beside Go: a redis-server, for those of redissteady, which
# start their own on a free port. With one on the PATH it does nothing; on Debian
# and its kin it installs the package, whose own service on port 6379 the tests
# leave alone; elsewhere it says what to install.
set -euo pipefail

command -v redis-server >/dev/null && exit 0

sudo=
[ "$EUID" = 0 ] || sudo="sudo -n"
if command -v apt-get >/dev/null && $sudo true 2>/dev/null; then
	echo "setup: installing Debian's redis-server for the tests of redissteady (apt-get install redis-server)"
	export DEBIAN_FRONTEND=noninteractive
	install() { $sudo apt-get install -qq -y --no-install-recommends redis-server >/dev/null; }
	install || { $sudo apt-get update -qq && install; }
	command -v redis-server >/dev/null && exit 0
fi
echo "setup: the tests of redissteady need redis-server 5 or later on the PATH: brew install redis, dnf install redis, apk add redis, or https://redis.io/docs/install" >&2
exit 1
