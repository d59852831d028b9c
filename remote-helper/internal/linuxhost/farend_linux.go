package linuxhost

import (
	"errors"
	"fmt"

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

// farSpace is a namespace; one that has no name here is nil.
type farSpace struct {
	scope state.Scope
	space *space
}

// find is the name and the scope of a link; both are empty where its namespace
// is none that the session can name.
func (f *farEnds) find(index, nsid int) (string, state.Scope, error) {
	if nsid == endingNS {
		return "", "", nil
	}
	far := farSpace{f.space.scope, f.space}
	if nsid >= 0 {
		var err error
		if far, err = f.lookup(nsid); err != nil || far.space == nil {
			return "", "", err
		}
	}
	name, err := far.space.nameOf(index)
	if err != nil || name == "" {
		return "", "", err
	}
	return name, far.scope, nil
}

// nameOf is the name of the link with that index, "" if there is none. It asks for
// the one link, unless all are known: the ports of a namespace are few, and those
// of the bridge that they lead to may be thousands.
func (sp *space) nameOf(index int) (string, error) {
	if sp.links != nil {
		if info := sp.links.byIndex[index]; info != nil {
			return info.name, nil
		}
		return "", nil
	}
	if name, known := sp.names[index]; known {
		return name, nil
	}
	req := sp.request(unix.RTM_GETLINK, 0)
	msg := nl.NewIfInfomsg(unix.AF_UNSPEC)
	msg.Index = int32(index)
	req.AddData(msg)
	req.AddData(nl.NewRtAttr(unix.IFLA_EXT_MASK, nl.Uint32Attr(rtextSkipStats)))
	msgs, err := req.Execute(unix.NETLINK_ROUTE, unix.RTM_NEWLINK)
	if errors.Is(err, unix.ENODEV) || (err == nil && len(msgs) == 0) {
		return "", nil
	}
	if err != nil {
		return "", fmt.Errorf("look up link %d: %w", index, err)
	}
	info, err := parseLink(msgs[0])
	if err != nil {
		return "", fmt.Errorf("look up link %d: %w", index, err)
	}
	if sp.names == nil {
		sp.names = map[int]string{}
	}
	sp.names[index] = info.name
	return info.name, nil
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
	f.known[id] = farSpace{scope: scope, space: sp}
	return nil
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
