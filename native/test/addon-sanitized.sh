#!/usr/bin/env bash
# The whole addon inside Node.js under AddressSanitizer and UndefinedBehaviorSanitizer: in a copy of
# the tree, so that the real build stays, every test of src/fastpath, TLS among them, and the chaos
# test with fewer requests on each native transport that runs here. Leaks are looked for by `run`: the
# runtime itself leaves memory to the end of the process. CHAOS_REQUESTS sets the number of requests.
set -euo pipefail
cd "$(dirname "$0")/../.."
root=$PWD
copy=$root/.cache/native-test/addon
PATH=$root/node_modules/.bin:$PATH
started=$SECONDS

mkdir -p "$copy"
for folder in src test native bin config scripts; do
  rm -rf "${copy:?}/$folder"
  cp -a "$folder" "$copy/"
done
cp -a package.json binding.gyp tsconfig*.json "$copy/"
ln -sfn "$root/node_modules" "$copy/node_modules"
cd "$copy"

sanitize='-fsanitize=address,undefined -fno-sanitize-recover=all'
CXXFLAGS="$sanitize -fno-omit-frame-pointer -g1" LDFLAGS=$sanitize \
  sh scripts/build-native.sh >build.log 2>&1 || cat build.log
test -f build/Release/expressgateway.node || { cat build.log; exit 1; }
tsc -p tsconfig.build.json
printf 'built in %d s\n' $((SECONDS - started))

# Peers of the TLS tests are programs of their own, and not what is tested: curl, for one, hangs with
# these libraries in it.
mkdir -p peers
for peer in curl openssl; do
  program=$(command -v "$peer") || continue
  printf '#!/bin/sh\nunset LD_PRELOAD\nexec %s "$@"\n' "$program" >"peers/$peer"
  chmod 755 "peers/$peer"
done
PATH=$copy/peers:$PATH

# The process is the runtime, which is not sanitized: the libraries must be there before the addon.
# What is freed is kept for a while, but not so much that the chaos test sees it as growth.
LD_PRELOAD="$(g++ -print-file-name=libasan.so) $(g++ -print-file-name=libubsan.so)"
export LD_PRELOAD
export ASAN_OPTIONS=detect_leaks=0:quarantine_size_mb=8:abort_on_error=1
export UBSAN_OPTIONS=print_stacktrace=1:halt_on_error=1

node --test --test-reporter=dot src/fastpath/*.test.ts
printf '\n'

runs_here() {
  node --input-type=module -e '
    import { probeTransport } from "./src/fastpath/open-transport.ts";
    const reason = probeTransport(process.argv[1]);
    if (reason !== "") console.log(`SKIPPED the chaos test on ${process.argv[1]}: ${reason}`);
    process.exitCode = reason === "" ? 0 : 1;
  ' "$1"
}

for transport in epoll io_uring; do
  runs_here "$transport" || continue
  EXPRESSGATEWAY_TEST_TRANSPORT=$transport CHAOS_REQUESTS=${CHAOS_REQUESTS:-1000} \
    node --test --test-reporter=spec test/faults/chaos.test.ts
done
printf 'took %d s\n' $((SECONDS - started))
