#!/usr/bin/env bash
# Installs what the tests need beside Go and a C compiler, as far as it is missing:
#
#   redis-server        the tests of redissteady start their own, on a free port
#   chromium, a font    the tests of debugsteady's page open it in a browser
#   node, npm           the tests of the proxy run clients written in JavaScript
#
# On Debian and its kin it installs packages, with sudo if need be; elsewhere it says
# what to install. ci/test.sh never calls it, .ci/run does.
set -euo pipefail
cd "$(dirname "$0")/.."

missing=()
need() { command -v "$1" >/dev/null || missing+=("${@:2}"); }

need redis-server redis-server
if [ -d debugsteady ]; then
	command -v chromium-browser >/dev/null || command -v google-chrome >/dev/null || need chromium chromium
	need fc-list fontconfig
	[ -n "$(fc-list 2>/dev/null)" ] || missing+=(fonts-dejavu-core)
fi
if [ -d proxy/nodetest ]; then
	need node nodejs
	need npm npm
fi

if [ ${#missing[@]} -gt 0 ]; then
	sudo=
	[ "$EUID" = 0 ] || sudo="sudo -n"
	if ! command -v apt-get >/dev/null || ! $sudo true 2>/dev/null; then
		echo "setup: install these and put them on the PATH: ${missing[*]}" >&2
		exit 1
	fi
	echo "setup: apt-get install ${missing[*]}"
	export DEBIAN_FRONTEND=noninteractive
	install() { $sudo apt-get install -qq -y --no-install-recommends "${missing[@]}" >/dev/null; }
	install 2>/dev/null || { $sudo apt-get update -qq && install; }
fi

# A lock file that is newer than what was installed from it has changed since.
if [ -d proxy/nodetest ] && ! [ proxy/nodetest/node_modules -nt proxy/nodetest/package-lock.json ]; then
	echo "setup: npm ci in proxy/nodetest"
	(cd proxy/nodetest && npm ci --no-audit --no-fund --silent && touch node_modules)
fi
