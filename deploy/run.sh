#!/bin/sh
# Builds the images, starts six nodes and a dashboard, runs a job on them.
#     deploy/run.sh            starts the ring and trains the shipped letters
#     deploy/run.sh stop       stops the ring; what it stores stays in its volumes
set -eu
cd "$(dirname "$0")/.."
if ! docker compose version > /dev/null 2>&1; then
    echo "deploy/run.sh needs docker with its compose plugin; without: make demo" >&2
    exit 69
fi
compose() { docker compose --file deploy/compose.yaml --profile dashboard "$@"; }
if [ "${1:-}" = stop ]; then
    compose down
    exit 0
fi
token=deploy/secret/dashboard-token
if [ ! -s "$token" ]; then
    mkdir -p -m 700 deploy/secret  # the folder keeps others out; the file is read by the container's own user
    od -A n -N 24 -t x1 /dev/urandom | tr -d ' \n' > "$token"
    chmod 644 "$token"
fi
compose up --build --detach --wait --scale node=6
echo "dashboard at http://localhost:8080/?token=$(cat "$token")"
compose run --rm client ./letters validate_letters.txt --rounds 10
compose run --rm client status
