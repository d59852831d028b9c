package linuxhost

import (
	"errors"

	"github.com/vishvananda/netlink/nl"
	"golang.org/x/sys/unix"

	"netrun/tasks/state"
)

// farEnds finds links of other namespaces that the links of one space refer to
// by namespace id and index. An id means something in that space only.
type farEnds struct {
	session *session
	space   *space
	known   map[int]farSpace // by namespace id
	asked   int              // how many of the candidates have told their id
	named   bool             // the named namespaces were added to the candidates
	more    []state.Scope    // those
}

// farSpace is a namespace and its links; one that has no name here has neither.
type farSpace struct {
	scope state.Scope
	links *linkTable
}

// find is the name and the scope of a link; both are empty where its namespace
// is none that the session can name.
func (f *farEnds) find(index, nsid int) (string, state.Scope, error) {
	if nsid < 0 {
		links, err := f.space.dumpLinks()
		if err != nil || links.byIndex[index] == nil {
			return "", "", err
		}
		return links.byIndex[index].name, f.space.scope, nil
	}
	far, err := f.lookup(nsid)
	if err != nil || far.links == nil || far.links.byIndex[index] == nil {
		return "", "", err
	}
	return far.links.byIndex[index].name, far.scope, nil
}

// lookup asks candidate after candidate until one has the id.
func (f *farEnds) lookup(nsid int) (farSpace, error) {
	for {
		if far, ok := f.known[nsid]; ok {
			return far, nil
		}
		scope, ok, err := f.next()
		if err != nil {
			return farSpace{}, err
		}
		if !ok {
			f.known[nsid] = farSpace{}
			return farSpace{}, nil
		}
		if err := f.ask(scope); err != nil {
			return farSpace{}, err
		}
	}
}

// next is the next candidate: the host's own namespace, those that the keys name, all named ones.
func (f *farEnds) next() (state.Scope, bool, error) {
	at := f.asked
	f.asked++
	if at == 0 {
		return state.HostScope, true, nil
	}
	if at--; at < len(f.session.scopes) {
		return f.session.scopes[at], true, nil
	}
	if !f.named {
		f.named = true
		names, err := f.session.netnsNames()
		if err != nil {
			return "", false, err
		}
		for _, name := range names {
			f.more = append(f.more, state.NetnsScope(name))
		}
	}
	if at -= len(f.session.scopes); at < len(f.more) {
		return f.more[at], true, nil
	}
	return "", false, nil
}

// ask notes under which id the space knows the scope's namespace, if it does.
func (f *farEnds) ask(scope state.Scope) error {
	sp, err := f.session.space(scope)
	if errors.Is(err, errNoScope) {
		return nil
	}
	if err != nil {
		return err
	}
	id, err := f.space.idOf(sp)
	if err != nil || id < 0 {
		return err
	}
	if _, ok := f.known[id]; ok {
		return nil
	}
	links, err := sp.dumpLinks()
	f.known[id] = farSpace{scope: scope, links: links}
	return err
}

// idOf is the id that sp has given to the other namespace; -1 for none.
func (sp *space) idOf(other *space) (int, error) {
	req := sp.request(unix.RTM_GETNSID, 0)
	req.AddData(&nl.RtGenMsg{})
	req.AddData(nl.NewRtAttr(unix.NETNSA_FD, nl.Uint32Attr(uint32(other.fd))))
	msgs, err := req.Execute(unix.NETLINK_ROUTE, unix.RTM_NEWNSID)
	if err != nil || len(msgs) == 0 {
		return -1, err
	}
	id := -1
	err = eachAttr(msgs[0][min((&nl.RtGenMsg{}).Len(), len(msgs[0])):], func(kind uint16, v []byte) error {
		if kind == unix.NETNSA_NSID {
			id = number(v)
		}
		return nil
	})
	return id, err
}
