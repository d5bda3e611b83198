#!/bin/sh
# Makes an authority and a kit for each process, and stores the kits as secrets of the cluster:
#     deploy/kubernetes/kits.sh [NODES [SITES]]
# Run it again to renew the kits; processes take them over without a restart. The authority stays in deploy/secret/.
set -eu
cd "$(dirname "$0")/../.."
authority=deploy/secret/authority
issue() { python3 client.py pki issue "$authority" "$@" > /dev/null; }
secret() { kubectl create secret generic "$@" --dry-run=client --output yaml | kubectl apply --filename -; }
pods() { # KIND NUMBER: a secret with a kit for each pod of roundelay-KIND
    files= number=0
    while [ "$number" -lt "$2" ]; do
        name=roundelay-$1-$number
        issue --role node --name "$name" --host "$name.roundelay-$1s" --host 127.0.0.1
        files="$files --from-file=$authority/$name.kit"
        number=$((number + 1))
    done
    # shellcheck disable=SC2086
    secret "roundelay-$1-kits" $files
}
[ -e "$authority/authority.key" ] || python3 client.py pki init "$authority" > /dev/null
issue --role supernode --name supernode --host roundelay-supernode --host 127.0.0.1
issue --role submitter --name submitter
issue --role operator --name operator
secret roundelay-supernode-kit --from-file="$authority/supernode.kit"
secret roundelay-submitter-kit --from-file="$authority/submitter.kit"
pods node "${1:-10}"
if [ "${2:-0}" -gt 0 ]; then pods site "$2"; fi
