#!/bin/sh
# Builds the image, starts six nodes, runs a job on them.
#     deploy/run.sh            starts the ring and trains the shipped letters
#     deploy/run.sh stop       stops the ring; what it stores stays in its volumes
set -eu
cd "$(dirname "$0")/.."
if ! docker compose version > /dev/null 2>&1; then
    echo "deploy/run.sh needs docker with its compose plugin; without: make demo" >&2
    exit 69
fi
compose() { docker compose --file deploy/compose.yaml "$@"; }
if [ "${1:-}" = stop ]; then
    compose down
    exit 0
fi
compose up --build --detach --wait --scale node=6
compose run --rm client ./letters validate_letters.txt --rounds 10
compose run --rm client status
