package machine

import (
	"encoding/binary"
	"net/netip"
	"os"
	"strconv"
	"strings"
)

// DefaultGateway is the IPv4 default route with the lowest metric, from
// /proc/net/route (columns Iface Destination Gateway Flags RefCnt Use Metric Mask,
// addresses as hexadecimal in host byte order).
func DefaultGateway() (link string, gateway netip.Addr, ok bool) {
	raw, err := os.ReadFile("/proc/net/route")
	if err != nil {
		return "", netip.Addr{}, false
	}
	best := uint64(1 << 63)
	for _, line := range strings.Split(string(raw), "\n") {
		f := strings.Fields(line)
		if len(f) < 8 || f[1] != "00000000" || f[7] != "00000000" || f[2] == "00000000" {
			continue
		}
		metric, metricErr := strconv.ParseUint(f[6], 10, 32)
		word, wordErr := strconv.ParseUint(f[2], 16, 32)
		if metricErr != nil || wordErr != nil || metric >= best {
			continue
		}
		var b [4]byte
		binary.NativeEndian.PutUint32(b[:], uint32(word))
		link, gateway, ok, best = f[0], netip.AddrFrom4(b), true, metric
	}
	return link, gateway, ok
}
