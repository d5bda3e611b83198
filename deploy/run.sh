#!/bin/sh
# Builds the images, makes a kit for each process, starts six nodes and a dashboard, runs a job on them.
#     deploy/run.sh            starts the ring and trains the shipped letters
#     deploy/run.sh renew      makes all kits anew, and starts the processes again with them
#     deploy/run.sh stop       stops the ring; what it stores stays in its volumes
set -eu
cd "$(dirname "$0")/.."
if ! docker compose version > /dev/null 2>&1; then
    echo "deploy/run.sh needs docker with its compose plugin; without: make demo" >&2
    exit 69
fi
compose() { docker compose --file deploy/compose.yaml --profile dashboard "$@"; }
make_kits() {
    docker run --rm --user 0 --volume "$PWD/deploy/secret/kits:/kits" --entrypoint sh roundelay deploy/kits.sh /kits 6
}
if [ "${1:-}" = stop ]; then
    compose down
    exit 0
fi
mkdir -p -m 700 deploy/secret  # the folder keeps others out
token=deploy/secret/dashboard-token
if [ ! -s "$token" ]; then
    od -A n -N 24 -t x1 /dev/urandom | tr -d ' \n' > "$token"
    chmod 644 "$token"  # the container's own user reads it
fi
compose build
if [ "${1:-}" = renew ]; then
    make_kits
    compose up --detach --wait --force-recreate
    exit 0
fi
[ -e deploy/secret/kits/supernode.kit ] || make_kits
compose up --detach --wait
echo "dashboard at http://localhost:8080/?token=$(cat "$token")"
compose run --rm client ./letters validate_letters.txt --rounds 10
compose run --rm client status
