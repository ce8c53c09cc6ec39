#!/bin/sh
# Holds the targets against their contract: ./check.sh [NAME...]
. "$(dirname "$0")/start.sh"

cd check || exit 1
need node "Node.js"
npm_packages
exec node check.mjs "$@"
