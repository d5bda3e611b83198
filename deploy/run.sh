#!/bin/sh
# A ring in containers: six nodes, each with a kit and a volume of its own, and a dashboard. Takes docker with its
# compose plugin, or podman with podman-compose.
#     deploy/run.sh            builds the images, starts the ring and trains the shipped letters
#     deploy/run.sh up         builds the images and starts the ring
#     deploy/run.sh update     builds the images anew, and replaces one process after the other, also during a job
#     deploy/run.sh renew      makes all kits anew, and starts the processes again with them
#     deploy/run.sh stop       stops the ring; what it stores stays in its volumes, and `up` goes on with its jobs
#     deploy/run.sh client ... runs a command of the client, e.g.  client jobs
#     deploy/run.sh WORD ...   any other word of compose, e.g.  logs node-1
set -eu
cd "$(dirname "$0")/.."
nodes="node-1 node-2 node-3 node-4 node-5 node-6"
READY_S=120  # longest that a process may take until it serves
if docker compose version > /dev/null 2>&1 && docker info > /dev/null 2>&1; then
    engine=docker compose="docker compose"
elif command -v podman > /dev/null && command -v podman-compose > /dev/null; then
    engine=podman compose=podman-compose
else
    echo "deploy/run.sh needs a container engine: docker with its compose plugin, or podman and podman-compose; " \
        "without:  make demo" >&2
    exit 69
fi
image=${ROUNDELAY_IMAGE:-roundelay}
project=${COMPOSE_PROJECT_NAME:-roundelay}

compose() { $compose --file deploy/compose.yaml --profile dashboard "$@"; }

client() {
    tty=
    [ -t 1 ] || tty=-T
    # shellcheck disable=SC2086
    $compose --file deploy/compose.yaml --profile client run --rm --no-deps $tty client "$@"
}

build() {
    compose build
    mkdir -p -m 700 deploy/secret  # the folder keeps others out
    token=deploy/secret/dashboard-token
    if [ ! -s "$token" ]; then
        od -A n -N 24 -t x1 /dev/urandom | tr -d ' \n' > "$token"
        chmod 644 "$token"  # the container's own user reads it
    fi
    [ -e deploy/secret/kits/supernode.kit ] || make_kits
}

make_kits() {
    mkdir -p deploy/secret/kits
    $engine run --rm --interactive --user 0 --volume "$PWD/deploy/secret/kits:/kits" --entrypoint sh "$image" \
        -s /kits 6 < deploy/kits.sh
}

container() {  # SERVICE
    $engine ps --quiet --filter "label=com.docker.compose.project=$project" \
        --filter "label=com.docker.compose.service=$1"
}

wait_for() {  # SERVICE
    tries=0
    until $engine exec "$(container "$1")" roundelay ping > /dev/null 2>&1; do
        tries=$((tries + 1))
        if [ "$tries" -gt "$READY_S" ]; then
            echo "deploy/run.sh: $1 does not serve:  deploy/run.sh logs $1" >&2
            exit 1
        fi
        sleep 1
    done
}

start() {  # [OPTION]
    compose up --detach "$@"
    for service in supernode $nodes; do wait_for "$service"; done
}

replace() {  # SERVICE
    compose up --detach --no-deps --force-recreate "$1"
    [ "$1" = dashboard ] || wait_for "$1"
}

case $* in  # a word alone; with more words, as  stop node-4, it is compose's
stop) compose down ;;
up)
    build
    start
    ;;
update)
    build
    for service in supernode $nodes; do replace "$service"; done
    replace dashboard
    ;;
renew)
    build
    make_kits
    start --force-recreate
    ;;
"")
    build
    start
    echo "dashboard at http://localhost:${ROUNDELAY_PAGE_PORT:-8080}/?token=$(cat deploy/secret/dashboard-token)"
    client train ./letters validate_letters.txt --rounds 10
    client status
    ;;
client*)
    shift
    client "$@"
    ;;
*) compose "$@" ;;
esac
