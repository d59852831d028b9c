#!/bin/sh
# Runs a daemon of a lab host; its name is that of this file:
#   /etc/init.d/NAME start|stop|restart|reload|status|kill|pause|unpause
# kill takes it away without a word, pause leaves it there and has it do nothing.
# openvswitch-switch stands for ovsdb-server and ovs-vswitchd.
PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
name=${0##*/}
verb=${1:-}
daemon=$name log=/var/log/$name.log

case $name in
docker) daemon=dockerd pidfile=/run/docker.pid ;;
ovsdb-server | ovs-vswitchd)
  pidfile=/run/openvswitch/$name.pid
  log=/var/log/openvswitch/$name.log
  ;;
openvswitch-switch)
  case $verb in
  start | unpause) order="ovsdb-server ovs-vswitchd" ;;
  restart) "$0" stop && exec "$0" start ;;
  *) order="ovs-vswitchd ovsdb-server" ;;
  esac
  for one in $order; do "${0%/*}/$one" "$verb" || exit; done
  exit 0
  ;;
*) echo "$name: no daemon of a lab host" >&2; exit 2 ;;
esac

complain() {
  echo "$name: $*; the end of $log:" >&2
  tail -n 3 "$log" >&2
  exit 1
}

pid() { cat "$pidfile" 2>/dev/null; }

# A paused process runs too; a number that something else has by now is no process.
running() { p=$(pid) && [ "$(cat "/proc/$p/comm" 2>/dev/null)" = "$daemon" ]; }

tell() {
  running || { echo "$name: is not running" >&2; exit 7; }
  kill -"$1" "$p"
}

answers() { docker -H unix:///var/run/docker.sock version >/dev/null 2>&1; }

# Docker says nothing when it is ready, so it is asked.
start_docker() {
  mkdir -p /var/log
  setsid dockerd >>"$log" 2>&1 </dev/null &
  child=$!
  for _ in $(seq 300); do
    answers && return
    kill -0 "$child" 2>/dev/null || complain "ended while starting"
    sleep 0.1
  done
  complain "does not answer after 30 s"
}

start_openvswitch() {
  mkdir -p /run/openvswitch /etc/openvswitch /var/log/openvswitch
  case $name in
  ovsdb-server)
    [ -s /etc/openvswitch/conf.db ] || ovsdb-tool create /etc/openvswitch/conf.db || exit
    ovsdb-server --remote=punix:/run/openvswitch/db.sock --remote=db:Open_vSwitch,Open_vSwitch,manager_options \
      --no-chdir --detach --pidfile --log-file="$log" -vconsole:off -vsyslog:off || complain "does not start"
    ovs-vsctl --no-wait init
    ;;
  ovs-vswitchd) # waits for ovsdb-server
    timeout 30 ovs-vswitchd --no-chdir --detach --pidfile --log-file="$log" -vconsole:off -vsyslog:off || complain "does not start"
    ;;
  esac
}

start() {
  running && return
  case $name in docker) start_docker ;; *) start_openvswitch ;; esac
}

# gone waits for the process to end, as long as Docker needs for its containers.
gone() {
  for _ in $(seq 600); do
    running || { rm -f "$pidfile"; return; }
    sleep 0.05
  done
  complain "still runs after 30 s"
}

stop() {
  running || return 0
  kill -TERM "$p" && kill -CONT "$p"
  gone
}

case $verb in
start) start ;;
stop) stop ;;
restart) stop && start ;;
reload) tell HUP ;;
kill) tell KILL && gone ;;
pause) tell STOP ;;
unpause) tell CONT ;;
status)
  running || { echo "$name is not running"; exit 3; }
  case $(cat "/proc/$p/stat") in *") T "*) echo "$name is paused (pid $p)" ;; *) echo "$name is running (pid $p)" ;; esac
  ;;
*) echo "usage: $0 start|stop|restart|reload|status|kill|pause|unpause" >&2; exit 2 ;;
esac
