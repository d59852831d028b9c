package linuxhost

import (
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/vishvananda/netlink/nl"
	"golang.org/x/sys/unix"

	"netrun/tasks/state"
)

// deleteTable takes away a table that only netrun brought to life. On the nf_tables
// backend iptables makes a table with the first rule and has no command to delete
// it, so that iptables-save would not be as before. The legacy backend's tables
// cannot be deleted; see readTables.
func (s *session) deleteTable(t state.Table) error {
	rules, err := s.ruleset(tableSet{t.Scope, t.Family})
	if err != nil {
		return err
	}
	table := rules.table(t.Name)
	if table == nil || !table.nft {
		return nil
	}
	if !table.untouched() {
		return fmt.Errorf("others have put rules or chains into it meanwhile: %w", unix.EBUSY)
	}
	sp, err := s.space(t.Scope)
	if err != nil {
		return err
	}
	delete(s.netfilter, tableSet{t.Scope, t.Family})
	return s.thread.in(sp, func() error {
		// iptables-save also prints the builtin chains that nobody has used yet.
		chains, err := nftChains(t.Family, t.Name)
		if err != nil {
			return err
		}
		return dropTable(t.Family, t.Name, chains)
	})
}

// nfproto is the family of tables that ip(6)tables uses.
func nfproto(family int) byte {
	if family == 6 {
		return unix.NFPROTO_IPV6
	}
	return unix.NFPROTO_IPV4
}

// nftChains lists the chains that a table has in the kernel.
func nftChains(family int, table string) ([]string, error) {
	msgs, err := again(func() ([][]byte, error) {
		req := nl.NewNetlinkRequest(unix.NFNL_SUBSYS_NFTABLES<<8|unix.NFT_MSG_GETCHAIN, unix.NLM_F_DUMP)
		req.AddRawData([]byte{nfproto(family), 0, 0, 0})
		return req.Execute(unix.NETLINK_NETFILTER, 0)
	})
	if err != nil {
		return nil, fmt.Errorf("list chains of nf_tables: %w", err)
	}
	var names []string
	for _, m := range msgs {
		in, name := "", ""
		err := eachAttr(m[min(4, len(m)):], func(kind uint16, v []byte) error {
			switch kind {
			case unix.NFTA_CHAIN_TABLE:
				in = cString(v)
			case unix.NFTA_CHAIN_NAME:
				name = cString(v)
			}
			return nil
		})
		if err != nil {
			return nil, fmt.Errorf("list chains of nf_tables: %w", err)
		}
		if in == table {
			names = append(names, name)
		}
	}
	return names, nil
}

// dropTable deletes the chains and the table in one transaction of nf_tables. With
// NLM_F_NONREC the kernel itself refuses a chain that has rules and a table that
// has more in it than those chains: what another program adds meanwhile is safe.
func dropTable(family int, table string, chains []string) error {
	proto := nfproto(family)
	const nonrec = 0x100 // NLM_F_NONREC
	var b nftBatch
	b.control(unix.NFNL_MSG_BATCH_BEGIN)
	for _, c := range chains {
		b.message(unix.NFT_MSG_DELCHAIN, nonrec, proto, nl.NewRtAttr(unix.NFTA_CHAIN_TABLE, nl.ZeroTerminated(table)),
			nl.NewRtAttr(unix.NFTA_CHAIN_NAME, nl.ZeroTerminated(c)))
	}
	b.message(unix.NFT_MSG_DELTABLE, nonrec, proto, nl.NewRtAttr(unix.NFTA_TABLE_NAME, nl.ZeroTerminated(table)))
	b.control(unix.NFNL_MSG_BATCH_END)
	return b.send()
}

// nftBatch is a transaction of nf_tables in the making.
type nftBatch struct {
	bytes []byte
	seq   uint32
	acks  int
}

func (b *nftBatch) control(kind uint16) {
	b.put(kind, unix.NLM_F_REQUEST, unix.AF_UNSPEC, unix.NFNL_SUBSYS_NFTABLES)
}

func (b *nftBatch) message(kind, flags uint16, family byte, attrs ...*nl.RtAttr) {
	b.acks++
	b.put(unix.NFNL_SUBSYS_NFTABLES<<8|kind, unix.NLM_F_REQUEST|unix.NLM_F_ACK|flags, family, 0, attrs...)
}

func (b *nftBatch) put(kind, flags uint16, family byte, resource uint16, attrs ...*nl.RtAttr) {
	b.seq++
	start := len(b.bytes)
	b.bytes = append(b.bytes, make([]byte, unix.SizeofNlMsghdr)...)
	b.bytes = append(b.bytes, family, 0) // nfgenmsg: family, version, resource
	b.bytes = binary.BigEndian.AppendUint16(b.bytes, resource)
	for _, a := range attrs {
		b.bytes = append(b.bytes, a.Serialize()...)
	}
	header := b.bytes[start:]
	native.PutUint32(header, uint32(len(header)))
	native.PutUint16(header[4:], kind)
	native.PutUint16(header[6:], flags)
	native.PutUint32(header[8:], b.seq)
}

// send gives the batch to the kernel of the calling thread's namespace and reads its answers.
func (b *nftBatch) send() error {
	fd, err := unix.Socket(unix.AF_NETLINK, unix.SOCK_RAW|unix.SOCK_CLOEXEC, unix.NETLINK_NETFILTER)
	if err != nil {
		return fmt.Errorf("open nf_tables socket: %w", err)
	}
	defer unix.Close(fd)
	if err := unix.SetsockoptTimeval(fd, unix.SOL_SOCKET, unix.SO_RCVTIMEO, &unix.Timeval{Sec: 10}); err != nil {
		return fmt.Errorf("set timeout of nf_tables socket: %w", err)
	}
	if err := unix.Sendto(fd, b.bytes, 0, &unix.SockaddrNetlink{Family: unix.AF_NETLINK}); err != nil {
		return fmt.Errorf("send to nf_tables: %w", err)
	}
	for answers := 0; answers < b.acks; {
		n, err := readAnswers(fd)
		if err != nil {
			return err
		}
		answers += n
	}
	return nil
}

// readAnswers reads some acknowledgements; the first that is a refusal is an error.
func readAnswers(fd int) (int, error) {
	buf := make([]byte, 64<<10)
	n, _, err := unix.Recvfrom(fd, buf, 0)
	if err != nil {
		return 0, fmt.Errorf("read from nf_tables: %w", err)
	}
	count := 0
	for b := buf[:n]; len(b) >= unix.SizeofNlMsghdr+4; {
		size := int(native.Uint32(b))
		if size < unix.SizeofNlMsghdr || size > len(b) {
			return count, errors.New("read from nf_tables: short message")
		}
		if native.Uint16(b[4:]) == unix.NLMSG_ERROR {
			if code := int32(native.Uint32(b[unix.SizeofNlMsghdr:])); code != 0 {
				return count, fmt.Errorf("nf_tables: %w", unix.Errno(-code))
			}
			count++
		}
		b = b[min((size+3)&^3, len(b)):]
	}
	return count, nil
}
