# The folders of all modules, the root's first. Sourced by the other scripts.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
modules() { git ls-files -- 'go.mod' '*/go.mod' | xargs -n1 dirname | sort; }

# Those that others use. The rest measure and test.
published() { modules | grep -vxE 'bench|integration|.*test'; }
