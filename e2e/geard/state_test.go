package geard

import (
	"context"
	"errors"
	"regexp"
	"strings"
	"sync"
	"time"

	"github.com/google/go-cmp/cmp"
)

// everywhere runs a shell script on all hosts at once, and gives what it printed by host.
func everywhere(ctx context.Context, script string) (map[string]string, error) {
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	out := map[string]string{}
	var errs []error
	var mu sync.Mutex
	var wg sync.WaitGroup
	for _, h := range the.lab.Names() {
		wg.Go(func() {
			text, err := the.lab.Shell(ctx, h, script)
			mu.Lock()
			defer mu.Unlock()
			out[h], errs = text, append(errs, err)
		})
	}
	wg.Wait()
	return out, errors.Join(errs...)
}

// sweep takes away what a test left on a host, whether it ended well or not.
const sweep = `
for f in /run/netrun-watch.pid /run/test-*.pid; do [ ! -e $f ] || { kill $(cat $f) 2>/dev/null; rm $f; }; done
iptables -D INPUT -p tcp --dport 22 -j DROP -m comment --comment test 2>/dev/null
c=$(docker ps --all --quiet); [ -z "$c" ] || docker rm --force $c >/dev/null
p=$(podman ps --all --quiet); [ -z "$p" ] || podman rm --force --time 0 $p >/dev/null
rm -f /run/test-*
sed -i '/# test$/d' /etc/hosts 2>/dev/null
ip link del br1 2>/dev/null
for t in nat filter raw; do for tool in iptables ip6tables; do
  $tool-save -t $t 2>/dev/null | grep NETRUN | grep '^-A' | sed 's/^-A/-D/' | while read -r rule; do eval "$tool -t $t $rule"; done
  $tool-save -t $t 2>/dev/null | grep -o '^:NETRUN-[^ ]*' | while read -r chain; do $tool -t $t -X ${chain#:}; done
done; done
rm -rf /var/lib/netrun/wanted /var/lib/netrun/links
true`

// state is how a host looks: its containers, its rules, and those in its containers that run.
const state = `
save() { "$@" 2>/dev/null | sed -E '/^#/d; s/ ?\[[0-9]+:[0-9]+\]//'; }
docker ps --all --no-trunc --format '{{.Names}} {{.ID}} {{.State}}' | sort
podman ps --all --no-trunc --format '{{.Names}} {{.ID}} {{.State}}' | sort
save iptables-save; save ip6tables-save
for c in $(docker ps --format '{{.Names}}' | sort); do
  echo "in $c"; p=$(docker inspect -f '{{.State.Pid}}' $c)
  save nsenter -t $p -n iptables-save; save nsenter -t $p -n ip6tables-save
done
ls /var/lib/netrun/links 2>/dev/null; ls -d /var/lib/netrun/journal/*.open 2>/dev/null
true`

// emptyTable is a table without rules and chains of its own, as iptables shows one from
// its first use on.
var emptyTable = regexp.MustCompile(`(?m)^\*[a-z]+\n(:[A-Z]+ ACCEPT\n)*COMMIT\n?`)

// states are those of all hosts.
func (w *world) states() map[string]string {
	w.Helper()
	out, err := everywhere(w.Context(), state)
	if err != nil {
		w.Fatal(err)
	}
	for h, text := range out {
		out[h] = emptyTable.ReplaceAllString(text, "")
	}
	return out
}

// same wants all hosts to be as before.
func (w *world) same(what string, before map[string]string) {
	w.Helper()
	if diff := cmp.Diff(before, w.states()); diff != "" {
		w.Errorf("hosts after %s (-before +now):\n%s", what, diff)
	}
}

// nothing wants no container, rule or want of netrun's on the hosts.
func (w *world) nothing(hosts ...string) {
	w.Helper()
	now := w.states()
	for _, h := range hosts {
		if strings.Contains(now[h], "NETRUN") || len(w.containers(h)) > 0 {
			w.Errorf("%s: got\n%s\nwant nothing of netrun's", h, now[h])
		}
	}
	r := w.netrun(0, "status", strings.Join(hosts, ","))
	for _, h := range hosts {
		if !strings.Contains(r.Stdout, h+": nothing is kept") {
			w.Errorf("netrun status: got\n%s\nwant nothing to be kept on %s", r.Stdout, h)
		}
	}
}
