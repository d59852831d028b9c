package push

import (
	"fmt"
	"os/exec"
	"strings"
	"testing"

	"netrun/cmd/netrun/internal/dial"
	"netrun/cmd/netrun/internal/dial/sshdtest"
)

// people gives the server users of its own: tester and other, both with the
// password "secret", as root has. The machine's files stay as they are.
const people = `
chmod 755 /var/lib /usr/local/lib /opt; chmod 700 /root
cp $DIR/key.pub /run/authorized_keys; chmod 644 /run/authorized_keys
mkdir -p /run/etc /opt/home; cd /run/etc
hash='$6$netrun$VqQG6Mwry.uVmuGuPN9Cy8CT51XTgj8cIW.5MY91ror67sHZmOOaYrT2h/Thn3dFfxJ5VJb6pps/GV.tHt3zy1'
cp /etc/passwd /etc/group /etc/shadow .
for u in tester:4242 other:4243; do
  n=${u%:*}; i=${u#*:}
  echo "$n:x:$i:$i::/opt/home/$n:/bin/sh" >>passwd; echo "$n:x:$i:" >>group; echo "$n:$hash:19000:0:99999:7:::" >>shadow
  mkdir -m 755 /opt/home/$n; chown $i:$i /opt/home/$n
done
sed -i "s|^root:[^:]*:|root:$hash:|" shadow; chmod 640 shadow
printf 'root ALL=(ALL) ALL\nDefaults !lecture\n%s\n' "$SUDOERS" >sudoers; chmod 440 sudoers
echo 'permit nopass tester as other' >doas.conf
for f in passwd group shadow; do mount --bind $f /etc/$f; done
[ ! -e /etc/sudoers ] || mount --bind sudoers /etc/sudoers
cd /
`

// asTester connects as a user who is not root, where sudoers says what is given.
func asTester(t testing.TB, sudoers string, setup string) dial.Conn {
	t.Helper()
	s := start(t, sshdtest.Options{Config: "AuthorizedKeysFile /run/authorized_keys\n" + withSFTP,
		Setup: fmt.Sprintf("SUDOERS='%s'\n", sudoers) + people + setup})
	d := dial.New(dial.Config{User: "tester", Home: s.Dir, SSHConfigFiles: []string{}, KnownHosts: []string{s.Path("known_hosts")},
		Identities: []string{s.Path("key")}})
	t.Cleanup(d.Close)
	conn, err := d.Dial(t.Context(), dial.Target{Name: "node1", Addr: "127.0.0.1", Port: s.Port})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	return conn
}

func TestOrdinaryUser(t *testing.T) {
	src := helperSource(t)
	conn := asTester(t, "", "")
	for _, want := range []string{"/opt/home/tester/.cache/netrun/", ""} {
		h, err := Open(t.Context(), conn, Options{Source: src})
		if err != nil {
			t.Fatal(err)
		}
		if h.Place != want {
			t.Errorf("place: got %q; want %q", h.Place, want)
		}
		if got := greet(t, h); !strings.HasSuffix(got, "uid 4242") {
			t.Errorf("got %s; want uid 4242", got)
		}
	}
}

// TestOthersPlaces: root's helper serves all; another user's serves nobody else.
func TestOthersPlaces(t *testing.T) {
	src := helperSource(t)
	name := "netrun-helper-" + src.hash[:shortHash]
	planted := fmt.Sprintf(`printf '#!/bin/sh\necho netrun-helper %s; echo planted; cat\n' > %%s; chmod 755 %%s`, src.hash[:shortHash])
	script := func(path string) string { return fmt.Sprintf(planted, path, path) + "\n" }
	t.Run("root", func(t *testing.T) {
		conn := asTester(t, "", "mkdir -p /var/lib/netrun/bin\n"+script("/var/lib/netrun/bin/"+name))
		h, err := Open(t.Context(), conn, Options{Source: src})
		if err != nil {
			t.Fatal(err)
		}
		if got := greet(t, h); got != "planted" {
			t.Errorf("got %s; want what root put there", got)
		}
	})
	t.Run("other", func(t *testing.T) {
		conn := asTester(t, "", "mkdir -p /tmp/netrun-4242\n"+script("/tmp/netrun-4242/"+name)+"chown -R 4243 /tmp/netrun-4242")
		h, err := Open(t.Context(), conn, Options{Source: src})
		if err != nil {
			t.Fatal(err)
		}
		if got := greet(t, h); !strings.HasPrefix(got, "args") {
			t.Errorf("got %s; want our own", got)
		}
	})
}

func need(t testing.TB, program string) {
	t.Helper()
	if _, err := exec.LookPath(program); err != nil {
		t.Skipf("probed %s: %v", program, err)
	}
}

func TestBecome(t *testing.T) {
	const nopass, pass = "tester ALL=(ALL) NOPASSWD: ALL", "tester ALL=(ALL) ALL"
	doas := "cp /run/etc/doas.conf /etc/doas.conf 2>/dev/null || true\n"
	tests := map[string]struct {
		sudoers, setup string
		become         Become
		uid, place     string
		login          bool // told to the helper
		err            string
	}{
		"sudo":                {sudoers: nopass, become: Become{Method: "sudo"}, uid: "uid 0", place: "/var/lib/netrun/bin/"},
		"sudo other":          {sudoers: nopass, become: Become{User: "other"}, uid: "uid 4243", place: "/opt/home/other/.cache/netrun/"},
		"sudo password":       {sudoers: pass, become: Become{Method: "sudo", Password: "secret"}, uid: "uid 0", place: "/var/lib/netrun/bin/"},
		"password not needed": {sudoers: nopass, become: Become{Method: "sudo", Password: "secret"}, uid: "uid 0", place: "/var/lib/netrun/bin/"},
		"sudo wrong password": {sudoers: pass, become: Become{Method: "sudo", Password: "mistaken"}, err: "become: the password is wrong"},
		"sudo no password":    {sudoers: pass, become: Become{Method: "sudo"}, err: "sudo: a password is required"},
		"sudo unknown user":   {sudoers: nopass, become: Become{User: "it's; me"}, err: "unknown user"},
		"su":                  {become: Become{Method: "su", Password: "secret"}, uid: "uid 0", place: "/var/lib/netrun/bin/"},
		"sudo keeps login":    {sudoers: nopass, become: Become{Method: "sudo", KeepLogin: true}, uid: "uid 0", login: true},
		"su keeps login":      {become: Become{Method: "su", Password: "secret", KeepLogin: true}, uid: "uid 0", login: true},
		"su other":            {become: Become{Method: "su", User: "other", Password: "secret"}, uid: "uid 4243", place: "/opt/home/other/.cache/netrun/"},
		"su wrong password":   {become: Become{Method: "su", Password: "mistaken"}, err: "Authentication failure"},
		"doas":                {setup: doas, become: Become{Method: "doas", User: "other"}, uid: "uid 4243"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			if tt.become.Method != "" {
				need(t, tt.become.Method)
			} else {
				need(t, "sudo")
			}
			setup := tt.setup
			if tt.become.Method == "doas" {
				// doas.conf may not exist: give the server an /etc of its own.
				setup = "mkdir -p /run/upper /run/work; mount -t overlay -o lowerdir=/etc,upperdir=/run/upper,workdir=/run/work overlay /etc; for f in passwd group shadow doas.conf; do cp /run/etc/$f /etc/$f; done\n"
			}
			conn := asTester(t, tt.sudoers, setup)
			h, err := Open(t.Context(), conn, Options{Source: helperSource(t), Become: tt.become})
			if tt.err != "" {
				if err == nil || !strings.Contains(err.Error(), tt.err) || strings.Contains(err.Error(), "mistaken") {
					t.Fatalf("got %v; want an error with %q", err, tt.err)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if got := greet(t, h); !strings.HasSuffix(got, tt.uid) || strings.Contains(got, `"--login" "tester"`) != tt.login {
				t.Errorf("got %s; want %s, and the login told: %t", got, tt.uid, tt.login)
			}
			if tt.place != "" && h.Place != tt.place {
				t.Errorf("place: got %q; want %q", h.Place, tt.place)
			}
		})
	}
}

func TestCommandRefuses(t *testing.T) {
	hash := []string{"0123456789abcdef"}
	tests := map[string]struct {
		hashes []string
		become Become
		want   string
	}{
		"hash":          {hashes: []string{"$(reboot)"}, want: "want 16 hex digits"},
		"user":          {hashes: hash, become: Become{User: "-x"}, want: "not a user name"},
		"newline":       {hashes: hash, become: Become{User: "a\nb"}, want: "not a user name"},
		"method":        {hashes: hash, become: Become{Method: "pbrun"}, want: "want sudo, su or doas"},
		"doas password": {hashes: hash, become: Become{Method: "doas", Password: "x"}, want: "from a terminal only"},
	}
	for name, tt := range tests {
		if _, err := Command(tt.hashes, tt.become, false); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: got %v; want an error with %q", name, err, tt.want)
		}
	}
	for _, b := range []Become{{}, {Method: "sudo"}, {Method: "su", User: "it's"}, {Method: "doas"}} {
		got, err := Command(hash, b, true)
		if err != nil || strings.ContainsAny(got, "\n!") || strings.Contains(got, "secret") {
			t.Errorf("command for %+v: got %q, %v; want one line that every shell takes", b, got, err)
		}
	}
}
