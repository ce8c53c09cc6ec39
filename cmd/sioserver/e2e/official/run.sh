#!/bin/sh
# Runs an official test suite against this server. See README.md.
#
#   run.sh SUITE_DIR [mocha arguments]
set -eu

here=$(cd "$(dirname "$0")" && pwd)
suite=$(cd "${1:?usage: run.sh SUITE_DIR [mocha arguments]}" && pwd)
shift
field() { node -p "require('$suite/package.json').$1"; }
name=$(field name)
version=$(field version)

work=$(mktemp -d)
server=
stop() {
  [ -z "$server" ] || kill "$server" 2>/dev/null || true
  rm -rf "$work"
}
trap stop EXIT
trap 'exit 1' INT TERM

# package DEPENDENCY...: the published package, with the suite's tests and what they need.
package() {
  (
    cd "$work"
    npm pack --silent "$name@$version" >/dev/null
    tar xzf ./*.tgz
    cd package
    npm pkg delete devDependencies scripts
    cp -r "$suite/test" .
    npm install --loglevel=error --omit=dev --no-save --no-package-lock --no-audit --no-fund mocha@10 expect.js@0.3 has-cors@1 "$@"
  )
  dir=$work/package
}

case $name@$version in
socket.io-client@4.*)
  server_for=socket.io-client-4
  package tsx@4 @sinonjs/fake-timers@11 base64-arraybuffer@1 text-blob-builder@0
  set -- --import=tsx --timeout 10000 test/index.ts "$@"
  ;;
socket.io-client@3.*)
  server_for=socket.io-client-3
  package ts-node@9 typescript@4.0 @types/node@14 @types/mocha@8 base64-arraybuffer@0.1 text-blob-builder@0
  cp "$suite/tsconfig.json" "$dir/"
  set -- --require "$here/noblob.cjs" --require ts-node/register --timeout 10000 test/index.js "$@"
  ;;
socket.io-client@2.*)
  server_for=socket.io-client-2
  package base64-arraybuffer@0.1 text-blob-builder@0
  set -- --require "$here/noblob.cjs" --timeout 10000 test/index.js "$@"
  ;;
engine.io-client@6.*)
  server_for=engine.io-client-6
  package @sinonjs/fake-timers@11 base64-arraybuffer@1 blob@0.1 xmlhttprequest-ssl@2
  set -- test/index.js "$@"
  ;;
engine.io-client@3.*)
  server_for=engine.io-client-3
  package blob@0.0.4
  set -- --require "$here/noblob.cjs" --timeout 10000 test/index.js "$@"
  ;;
*-protocol-test-suite@*)
  case $name in
  socket.io-*) server_for=socket.io-protocol-5 ;;
  *) if grep -q 'EIO=3' "$suite/test-suite.js"; then server_for=engine.io-protocol-3; else server_for=engine.io-protocol-4; fi ;;
  esac
  dir=$work/suite
  cp -r "$suite" "$dir"
  (cd "$dir" && rm -rf node_modules && npm ci --silent --no-audit --no-fund)
  set -- test-suite.js "$@"
  ;;
*)
  echo "run.sh: $suite is $name@$version, for which there is no server" >&2
  exit 2
  ;;
esac

(cd "$here" && go build -tags poll_opt -o "$work/official" .)
mkfifo "$work/listening"
"$work/official" --suite "$server_for" >"$work/listening" &
server=$!
read -r line <"$work/listening" || { echo "run.sh: the server did not start" >&2; exit 1; }
echo "$server_for: $line"
cd "$dir"
npx mocha --exit "$@"
