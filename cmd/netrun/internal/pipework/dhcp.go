package pipework

import "strings"

// clients are the words for a DHCP client. Which one it was is all the same here:
// netrun has its own, which renews its lease as long as the container lives.
var clients = map[string]bool{"dhcp": true, "dhcp-f": true, "udhcpc": true, "udhcpc-f": true, "dhclient": true, "dhclient-f": true,
	"dhcpcd": true, "dhcpcd-f": true}

// clientOptions reads the options behind dhcp: those that say the guest's name.
func clientOptions(client *Task, options word) error {
	words := strings.Fields(options.text)
	for i := 0; i < len(words); i++ {
		value := ""
		if i+1 < len(words) {
			value = words[i+1]
		}
		name, hostname := strings.CutPrefix(value, "hostname:")
		switch {
		case words[i] == "-f" || words[i] == "-b" || words[i] == "-R":
			continue // to stay, and to give the lease back: so it does
		case (words[i] == "-F" || words[i] == "-H" || words[i] == "-h") && value != "":
			client.add(options.at, "hostname", value)
		case words[i] == "-x" && hostname:
			client.add(options.at, "hostname", name)
		case (words[i] == "-I" || words[i] == "-C") && value != "":
			client.add(options.at, "client_id", value)
		default:
			return wrong(options.at, "the client's option %q is not known: -x hostname:NAME, -F NAME, -H NAME, -I ID and -f are", words[i])
		}
		i++
	}
	return nil
}
