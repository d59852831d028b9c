#!/usr/bin/env bash
# A router and three nodes with containers behind them, made, wired, tried and
# taken down again: make demo.
set -euo pipefail
cd "$(dirname "$0")/.."

if [ -t 1 ]; then bold=$'\033[1m' plain=$'\033[0m'; else bold= plain=; fi
say() { printf '\n%s== %s%s\n' "$bold" "$*" "$plain"; }
lab=demo-$$
play=playbooks/examples/seeds-routing.yaml
topology=playbooks/examples/seeds-routing.topology.yaml

say "install what is missing"
.ci/install
say "build netrun and its helpers"
make --no-print-directory build

as_root=()
if [ "$(id -u)" -ne 0 ]; then
  echo "the lab makes namespaces, mounts and bridges: the rest runs with sudo"
  as_root=(sudo)
fi
state=$(mktemp -d)
# The listener's standard input never ends: nc would hang up with it.
mkfifo "$state/idle"
exec 9<>"$state/idle"
netrun() { "${as_root[@]}" bin/netrun "$@"; }
on() { netrun lab exec --name "$lab" --dir "$state/lab" "$@"; }
finish() {
  status=$?
  trap - EXIT
  say "take the lab down"
  netrun lab down --name "$lab" --dir "$state/lab"
  rm -rf "$state"
  [ $status -eq 0 ] || echo "demo: failed (status $status)" >&2
  exit $status
}
trap finish EXIT
trap 'exit 130' INT TERM

say "bring up three nodes and a router, each with its own sshd"
netrun lab up --name "$lab" --dir "$state/lab" --topology "$topology"
netrun lab status --name "$lab" --dir "$state/lab"

say "play $play"
netrun play -i "$state/lab/inventory.yaml" "$play"

# A container, here a network namespace, of a node, and its address.
container() { on "$1" ip netns list | awk 'NR == 1 {print $1}'; }
address() { on "$1" nsenter --net="/run/netns/$2" ip -4 -o address show scope global | awk 'NR == 1 {sub("/.*", "", $4); print $4}'; }

for pair in "node1 node2" "node2 node3" "node3 node1"; do
  read -r from to <<<"$pair"
  client=$(container "$from") server=$(container "$to")
  [ -n "$client" ] && [ -n "$server" ] || { echo "demo: $from or $to has no container after the play" >&2; exit 1; }
  addr=$(address "$to" "$server")
  say "container $client on $from pings container $server on $to, $addr"
  on "$from" nsenter --net="/run/netns/$client" ping -c 3 -i 0.2 -W 2 "$addr"
  say "and sends it 1 MiB over TCP"
  on "$to" timeout 10 nsenter --net="/run/netns/$server" busybox nc -l -p 8080 <&9 >"$state/got" &
  listener=$!
  for _ in $(seq 50); do
    on "$to" nsenter --net="/run/netns/$server" grep -q ' 0A ' /proc/net/tcp /proc/net/tcp6 && break
    sleep 0.1
  done
  on "$from" nsenter --net="/run/netns/$client" sh -c "head -c 1048576 /dev/zero | timeout 10 busybox nc $addr 8080"
  wait "$listener"
  size=$(stat -c %s "$state/got")
  rm -f "$state/got"
  echo "$size bytes arrived"
  [ "$size" -eq 1048576 ]
done

say "play it again: nothing is left to change"
again=$(netrun play -i "$state/lab/inventory.yaml" "$play")
echo "$again"
if ! grep -q 'changed=0' <<<"$again" || grep -q 'changed=[1-9]' <<<"$again"; then
  echo "demo: the second play changed something" >&2
  exit 1
fi
say "it works: containers of three nodes talk through the router, and the second play changed nothing"
