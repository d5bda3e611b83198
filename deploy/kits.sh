#!/bin/sh
# Makes the kits of compose.yaml in a folder, for the user that its containers run as. Runs as root in the image:
#     docker run --rm --interactive --user 0 --volume DIR:/kits --entrypoint sh roundelay -s /kits NODES < deploy/kits.sh
# The authority is made once; it can issue any kit, so keep DIR/authority to yourself. Kits are made anew.
set -eu
kits=$1 nodes=$2 user=10001
authority=$kits/authority
issue() { roundelay pki issue "$authority" --out "$kits/$name.kit" --name "$name" "$@" > /dev/null; }
[ -e "$authority/authority.key" ] || roundelay pki init "$authority" > /dev/null
name=supernode; issue --role supernode --host supernode --host 127.0.0.1
name=submitter; issue --role submitter
name=operator; issue --role operator
number=1
while [ "$number" -le "$nodes" ]; do
    name=node-$number; issue --role node --host "$name" --host 127.0.0.1
    number=$((number + 1))
done
chown "$user:$user" "$kits"/*.kit
