package linuxhost

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"slices"
	"sync"
	"time"

	"netrun/tasks/state"
)

// namePatience is how long the resolver may take for all the names of one look.
const namePatience = 5 * time.Second

// readNames asks the host's resolver: its /etc/hosts, and the servers of its
// /etc/resolv.conf. A name without an answer is no error: what needs it waits.
func (s *session) readNames(q *query) ([]state.Object, error) {
	ctx, cancel := context.WithTimeout(s.ctx, namePatience)
	defer cancel()
	names := slices.Compact(slices.Sorted(slices.Values(q.names)))
	out := make([]state.Object, len(names))
	var wg sync.WaitGroup
	for i, name := range names {
		wg.Go(func() { out[i] = resolved(ctx, name) })
	}
	wg.Wait()
	return out, s.ctx.Err()
}

func resolved(ctx context.Context, name string) state.Name {
	n := state.Name{Name: name}
	found, err := net.DefaultResolver.LookupNetIP(ctx, "ip", name)
	if err != nil {
		n.Problem = resolverProblem(err)
	}
	for _, a := range found {
		if a = a.Unmap(); !slices.Contains(n.Addresses, a) {
			n.Addresses = append(n.Addresses, a)
		}
	}
	slices.SortFunc(n.Addresses, netip.Addr.Compare)
	return n
}

// resolverProblem leaves out of the resolver's words what differs from one answer to
// the next: the server that was asked, and from which port.
func resolverProblem(err error) string {
	var dns *net.DNSError
	switch {
	case errors.As(err, &dns) && dns.IsNotFound:
		return "no such host"
	case errors.As(err, &dns) && dns.IsTimeout:
		return "the resolver did not answer"
	case errors.As(err, &dns):
		return "the resolver could not be asked"
	}
	return err.Error()
}
