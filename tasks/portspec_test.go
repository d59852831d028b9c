package tasks

import (
	"net/netip"
	"testing"
)

// portSpecs is what docker run -p makes of each form.
var portSpecs = []struct{ in, want string }{
	{"5000", "5000/tcp"},
	{"80:5000", "80:5000/tcp"},
	{"0:5000", "5000/tcp"},
	{"127.0.0.1:80:5000", "127.0.0.1:80:5000/tcp"},
	{"127.0.0.1::5000", "127.0.0.1::5000/tcp"},
	{"8000-9000:5000", "8000-9000:5000/tcp"},
	{"1234-1236:1234-1236/tcp", "1234-1236:1234-1236/tcp"},
	{"8000-8000:5000", "8000:5000/tcp"},
	{"1234-1236", "1234-1236/tcp"},
	{"1234-1236/udp", "1234-1236/udp"},
	{"192.168.1.100:1234-1236:1234-1236/udp", "192.168.1.100:1234-1236:1234-1236/udp"},
	{"192.168.1.100::1234-1236/sctp", "192.168.1.100::1234-1236/sctp"},
	{"80:5000/udp", "80:5000/udp"},
	{"80:5000/SCTP", "80:5000/sctp"},
	{"80/", "80/tcp"},
	{"[::1]:80:80", "[::1]:80:80/tcp"},
	{"::1:80:80", "[::1]:80:80/tcp"},
	{"[2001:db8::1]::333", "[2001:db8::1]::333/tcp"},
	{"[2001:4860:0:2001::68]:8080-8081:80-81/udp", "[2001:4860:0:2001::68]:8080-8081:80-81/udp"},
	{"::::80", "[::]::80/tcp"},
	{":8080:6000", "8080:6000/tcp"},
	{"::6000", "6000/tcp"},
	{"0.0.0.0:80:80", "0.0.0.0:80:80/tcp"},
	{"65535:65535", "65535:65535/tcp"},
}

func TestPortSpec(t *testing.T) {
	for _, c := range portSpecs {
		var p PortSpec
		if err := p.UnmarshalText([]byte(c.in)); err != nil || p.String() != c.want {
			t.Errorf("%q: got %s, error %v; want %s", c.in, p, err, c.want)
		}
		var again PortSpec
		if err := again.UnmarshalText([]byte(c.want)); err != nil || again != p {
			t.Errorf("%q: got %+v, error %v; want %+v", c.want, again, err, p)
		}
	}
}

func TestPortSpecErrors(t *testing.T) {
	for in, want := range map[string]string{
		"":                        "no port specified: <empty>",
		"80:":                     "no port specified: 80:<empty>",
		"/tcp":                    "no port specified: /tcp<empty>",
		"80/icmp":                 "invalid proto: icmp",
		"80/tcp/udp":              "invalid proto: tcp/udp",
		"localhost:1234:1234":     "invalid IP address: localhost",
		"localhost:1234:1234/tcp": "invalid IP address: localhost",
		"[::1:80:80":              "invalid IP address: [::1",
		"[127.0.0.1]:80:80":       "invalid IP address: [127.0.0.1]",
		"[fe80::1%eth0]:80:80":    "invalid IP address: [fe80::1%eth0]",
		"300.0.0.1:80:80":         "invalid IP address: 300.0.0.1",
		"0":                       "invalid containerPort: 0",
		"65536":                   "invalid containerPort: 65536",
		"-1":                      "invalid containerPort: -1",
		"90-80":                   "invalid containerPort: 90-80",
		"80:9000-":                "invalid containerPort: 9000-",
		"80: 80":                  "invalid containerPort:  80",
		"x:80":                    "invalid hostPort: x",
		"65536:80":                "invalid hostPort: 65536",
		"90-80:80":                "invalid hostPort: 90-80",
		"0-5:80":                  "invalid hostPort: 0-5",
		"192.168.1.100:80":        "invalid hostPort: 192.168.1.100",
		"80-81:80-82":             "invalid ranges specified for container and host Ports: 80-82 and 80-81",
		"80:80-82":                "invalid ranges specified for container and host Ports: 80-82 and 80",
	} {
		var p PortSpec
		if err := p.UnmarshalText([]byte(in)); err == nil || err.Error() != want {
			t.Errorf("%q: got %+v, error %v; want error %q", in, p, err, want)
		}
	}
}

func TestPortPairs(t *testing.T) {
	for in, want := range map[string]string{
		"6379:50000":            "50000:6379/tcp ",
		"8080:0":                "8080/tcp ",
		"8080:14000,1936:15000": "14000:8080/tcp 15000:1936/tcp ",
		"65535:65535":           "65535:65535/tcp ",
		"80:80,80:81":           "80:80/tcp 81:80/tcp ",
	} {
		var p PortPairs
		err := p.UnmarshalText([]byte(in))
		got := ""
		for _, s := range p {
			got += s.String() + " "
		}
		if err != nil || got != want {
			t.Errorf("%q: got %s, error %v; want %s", in, got, err, want)
		}
	}
	for in, want := range map[string]string{
		"":              `The port string '' must be a comma delimited list of pairs <internal>:<external>,...`,
		"80":            `The port string '80' must be a comma delimited list of pairs <internal>:<external>,...`,
		"80:80,":        `The port string '80:80,' must be a comma delimited list of pairs <internal>:<external>,...`,
		"127.0.0.1:1:1": `The port string '127.0.0.1:1:1' must be a comma delimited list of pairs <internal>:<external>,...`,
		":8080":         `strconv.Atoi: parsing "": invalid syntax`,
		"x:1":           `strconv.Atoi: parsing "x": invalid syntax`,
		"80/tcp:80":     `strconv.Atoi: parsing "80/tcp": invalid syntax`,
		"80: 80":        `strconv.Atoi: parsing " 80": invalid syntax`,
		"1:65536":       "Port values must be between 0 and 65535",
		"1:-1":          "Port values must be between 0 and 65535",
		"0:0":           `pair "0:0": the container has no port 0`,
	} {
		var p PortPairs
		if err := p.UnmarshalText([]byte(in)); err == nil || err.Error() != want {
			t.Errorf("%q: got %v, error %v; want error %q", in, p, err, want)
		}
	}
}

func TestBindings(t *testing.T) {
	for in, want := range map[string][]binding{
		"5000":           {{proto: "tcp", container: 5000}},
		"8000-8002:5000": {{proto: "tcp", container: 5000, choice: portRange{8000, 8002}}},
		"127.0.0.1:90-91:80-81/udp": {
			{ip: netip.MustParseAddr("127.0.0.1"), proto: "udp", container: 80, choice: portRange{90, 90}},
			{ip: netip.MustParseAddr("127.0.0.1"), proto: "udp", container: 81, choice: portRange{91, 91}},
		},
		"90-91": {{proto: "tcp", container: 90}, {proto: "tcp", container: 91}},
	} {
		var p PortSpec
		if err := p.UnmarshalText([]byte(in)); err != nil {
			t.Fatal(err)
		}
		got := p.bindings()
		if len(got) != len(want) {
			t.Fatalf("%q: got %+v; want %+v", in, got, want)
		}
		for i := range got {
			if got[i] != want[i] {
				t.Errorf("%q: got %+v; want %+v", in, got[i], want[i])
			}
		}
	}
}

func FuzzPortSpec(f *testing.F) {
	for _, c := range portSpecs {
		f.Add(c.in)
	}
	addAll(f, "80:", "90-80:1", "[::1", "1:2:3:4:5")
	f.Fuzz(func(t *testing.T, text string) {
		var p, again PortSpec
		if p.UnmarshalText([]byte(text)) != nil {
			return
		}
		if err := again.UnmarshalText([]byte(p.String())); err != nil || again != p {
			t.Fatalf("%q: got %s, which reads as %+v, error %v; want %+v", text, p, again, err, p)
		}
		for _, b := range p.bindings() {
			if b.container == 0 || (!b.automatic() && b.choice.first == 0) {
				t.Errorf("%q: got the binding %+v; want ports from 1", text, b)
			}
		}
	})
}
