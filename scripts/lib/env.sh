# Sourced by every script: where things are, what is pinned, how to speak.
set -Eeuo pipefail
ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
cd "$ROOT"
TOOLS=$ROOT/.tools

NIGHTLY=nightly-2026-05-20 # the same as in rust-toolchain.toml
WASM_BINDGEN=0.2.129       # the same as in Cargo.lock, exactly
WORKER_BUILD=0.8.7         # the same minor as the worker crate
SECANTUS=0.7.0b3

say() { printf '\033[1m==>\033[0m %s\n' "$*" >&2; }
die() { printf '\033[31merror:\033[0m %s\n' "$*" >&2; exit 1; }
have() { command -v "$1" >/dev/null 2>&1; }

# Nothing fails silently.
trap 'printf "\033[31merror:\033[0m %s stopped at line %s: %s\n" "$0" "$LINENO" "$BASH_COMMAND" >&2' ERR

# Runs a long step quietly: shows its name, and its output only when it fails.
step() {
  local name=$1 log began
  shift
  log=$TOOLS/logs/$(tr -c 'a-z0-9\n' - <<<"${name,,}").log
  mkdir -p "$TOOLS/logs"
  began=$SECONDS
  say "$name …"
  if "$@" >"$log" 2>&1; then
    say "$name: done in $((SECONDS - began)) s"
  else
    tail -n 60 "$log" >&2
    die "$name failed; the whole output is in ${log#"$ROOT"/}"
  fi
}

# Set by scripts/setup when rustup cannot serve the pinned nightly.
[ -f "$TOOLS/toolchain.env" ] && . "$TOOLS/toolchain.env"
export PATH="$TOOLS/bin:$ROOT/node_modules/.bin:$TOOLS/venv/bin:$PATH"
export WASM_BINDGEN_BIN=$TOOLS/bin/wasm-bindgen
export WASM_OPT_BIN=$ROOT/node_modules/.bin/wasm-opt
export ESBUILD_BIN=$ROOT/node_modules/.bin/esbuild
export CLOUDFLARE_CF_FETCH_ENABLED=false WRANGLER_SEND_METRICS=false NO_UPDATE_NOTIFIER=1
