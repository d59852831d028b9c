package dial

import (
	"crypto/rand"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"golang.org/x/crypto/ssh"
	"golang.org/x/crypto/ssh/knownhosts"

	"netrun/cmd/netrun/internal/dial/sshdtest"
)

func TestUnknownKeyIsCollectedThenAccepted(t *testing.T) {
	host := newFakeHost(t).serve(t)
	dir := home(t, "# mine, without an end")
	d := dialer(t, dir, nil)
	err := wantError(t, d, host.target("node1"), HostKey, "host key is unknown: ssh-ed25519 SHA256:")
	var unknown *UnknownKey
	if !errors.As(err, &unknown) || unknown.Host != "node1" || unknown.Addr != host.addr.String() {
		t.Fatalf("error: got %#v; want *UnknownKey of node1", err)
	}
	if err := d.AcceptKeys([]*UnknownKey{unknown, unknown}); err != nil {
		t.Fatal(err)
	}
	mustDial(t, d, host.target("node1"))
	got, err := os.ReadFile(filepath.Join(dir, ".ssh/known_hosts"))
	if want := "# mine, without an end\n" + host.knows(); string(got) != want || err != nil {
		t.Errorf("known_hosts: got %q, %v; want %q", got, err, want)
	}
	mustDial(t, dialer(t, dir, nil), host.target("node1")) // and a later run finds it
}

func TestAcceptNewByManyAtOnce(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "new", "home")
	d := dialer(t, dir, func(c *Config) { c.AcceptNew = true })
	var hosts []*fakeHost
	for range 6 {
		hosts = append(hosts, newFakeHost(t).serve(t))
	}
	var wg sync.WaitGroup
	for i := range 24 {
		wg.Go(func() {
			conn, err := d.Dial(t.Context(), hosts[i%6].target("x"))
			if err != nil {
				t.Error(err)
				return
			}
			conn.Close()
		})
	}
	wg.Wait()
	text, err := os.ReadFile(filepath.Join(dir, ".ssh/known_hosts"))
	if err != nil {
		t.Fatal(err)
	}
	for _, h := range hosts {
		if n := strings.Count(string(text), h.knows()); n != 1 {
			t.Errorf("known_hosts: got %d lines for %v; want 1", n, h.addr)
		}
	}
	info, err := os.Stat(filepath.Join(dir, ".ssh"))
	if err != nil || info.Mode().Perm() != 0o700 {
		t.Errorf(".ssh: got %v, %v; want mode 0700", info.Mode(), err)
	}
}

func TestChangedKeyIsAlwaysRefused(t *testing.T) {
	host, other := newFakeHost(t).serve(t), newSigner(t).PublicKey()
	line := knownText(&UnknownKey{entry: host.addr.String(), Key: other})
	dir := home(t, "\n# a comment\n"+line+"\n")
	for _, accept := range []bool{false, true} {
		d := dialer(t, dir, func(c *Config) { c.AcceptNew = accept })
		err := wantError(t, d, host.target("node1"), HostKey, "known_hosts:3 has ssh-ed25519 "+fingerprint(other))
		for _, want := range []string{fingerprint(host.signer.PublicKey()), fmt.Sprintf("ssh-keygen -f %s/.ssh/known_hosts -R '[127.0.0.1]:%d'", dir, host.addr.Port)} {
			if !strings.Contains(err.Error(), want) {
				t.Errorf("error: got %q; want it to contain %q", err, want)
			}
		}
	}
}

func TestTwoKeysForOneHostAtOnce(t *testing.T) {
	d := dialer(t, home(t), nil)
	files := d.cfg.KnownHosts
	first := &UnknownKey{Host: "a", Addr: "h:22", Key: newSigner(t).PublicKey(), entry: "h:22", files: files}
	second := &UnknownKey{Host: "b", Addr: "h:22", Key: newSigner(t).PublicKey(), entry: "h:22", files: files}
	if err := d.AcceptKeys([]*UnknownKey{first}); err != nil {
		t.Fatal(err)
	}
	var changed *ChangedKey
	if err := d.AcceptKeys([]*UnknownKey{second}); !errors.As(err, &changed) || changed.Known[0].Line != 1 {
		t.Errorf("second key: got %v; want *ChangedKey with line 1", err)
	}
}

// TestKnownForms has one host known in each of the ways that a line can say it.
func TestKnownForms(t *testing.T) {
	host := newFakeHost(t).serve(t)
	entry := knownhosts.Normalize(host.addr.String())
	key := strings.TrimSpace(string(ssh.MarshalAuthorizedKey(host.signer.PublicKey())))
	rest := fmt.Sprintf("]:%d", host.addr.Port)
	tests := map[string]struct {
		lines string
		kind  Kind
		text  string
	}{
		"hashed":          {lines: knownhosts.HashHostname(entry) + " " + key},
		"list":            {lines: "other,!nobody," + entry + " " + key},
		"wildcard":        {lines: "[127.*" + rest + " " + key},
		"one letter":      {lines: "[127.0.?.1" + rest + " " + key},
		"without port":    {lines: "127.0.0.1 " + key},
		"unreadable line": {lines: "x ssh-new AAAA\nbroken\n" + entry + " " + key},
		"negated":         {lines: "*,!*127.0.0.1* " + key, kind: HostKey, text: "unknown"},
		"revoked":         {lines: entry + " " + key + "\n@revoked * " + key, kind: HostKey, text: "revoked by"},
		"bad revoked":     {lines: "@revoked * ssh-ed25519 AAAA", kind: BadConfig, text: "known_hosts:1"},
		"other portless":  {lines: "127.0.0.1 " + strings.TrimSpace(string(ssh.MarshalAuthorizedKey(newSigner(t).PublicKey()))), kind: HostKey, text: "unknown"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			d := dialer(t, home(t, tt.lines), nil)
			if tt.text != "" {
				wantError(t, d, host.target("n"), tt.kind, tt.text)
				return
			}
			mustDial(t, d, host.target("n"))
		})
	}
}

func TestHostCertificates(t *testing.T) {
	ca := newSigner(t)
	host := newFakeHost(t)
	plain := host.signer
	cert := &ssh.Certificate{Key: plain.PublicKey(), CertType: ssh.HostCert, KeyId: "node", ValidPrincipals: []string{"127.0.0.1"}, ValidBefore: ssh.CertTimeInfinity}
	if err := cert.SignCert(rand.Reader, ca); err != nil {
		t.Fatal(err)
	}
	signer, err := ssh.NewCertSigner(cert, plain)
	if err != nil {
		t.Fatal(err)
	}
	host.AddHostKey(signer)
	host.serve(t)
	authority := func(names string) string {
		return "@cert-authority " + names + " " + string(ssh.MarshalAuthorizedKey(ca.PublicKey()))
	}
	mustDial(t, dialer(t, home(t, authority("*")), nil), host.target("n"))
	wantError(t, dialer(t, home(t, authority("elsewhere")), nil), host.target("n"), HostKey, "unknown")
	wantError(t, dialer(t, home(t, authority("*"), "@revoked * "+string(ssh.MarshalAuthorizedKey(ca.PublicKey()))), nil), host.target("n"), HostKey, "revoked")
	config := home(t, authority("*"))
	sshdtest.WriteFile(t, filepath.Join(config, ".ssh/config"), "HostKeyAlias wrong\n")
	wantError(t, dialer(t, config, nil), host.target("n"), HostKey, `host certificate "node"`)
}

// TestAlgorithmsFollowKnownKeys: a host with two keys of which we know the less
// preferred one must be asked for that one.
func TestAlgorithmsFollowKnownKeys(t *testing.T) {
	s := sshdtest.Start(t, sshdtest.Options{})
	rsa := s.Path("rsa")
	sshdtest.Keygen(t, "-t", "ecdsa", "-f", rsa)
	two := sshdtest.Start(t, sshdtest.Options{Config: "HostKey " + rsa})
	pub := string(ssh.MarshalAuthorizedKey(sshdtest.PublicKey(t, rsa+".pub")))
	dir := home(t, fmt.Sprintf("[127.0.0.1]:%d %s", two.Port, pub))
	d := dialer(t, dir, func(c *Config) { c.User, c.Identities = "root", []string{two.Path("key")} })
	mustDial(t, d, targetOf(two))
}

func TestStrictAndHashed(t *testing.T) {
	host := newFakeHost(t).serve(t)
	dir := home(t)
	config := filepath.Join(dir, ".ssh/config")
	sshdtest.WriteFile(t, config, "StrictHostKeyChecking yes\n")
	err := wantError(t, dialer(t, dir, nil), host.target("n"), HostKey, "StrictHostKeyChecking is yes")
	if unknown := new(UnknownKey); errors.As(err, &unknown) {
		t.Errorf("error: got *UnknownKey, which could be accepted; want a refusal")
	}
	sshdtest.WriteFile(t, config, "StrictHostKeyChecking accept-new\nHashKnownHosts yes\nUserKnownHostsFile ~/.ssh/other\n")
	mustDial(t, dialer(t, dir, nil), host.target("n"))
	text, err := os.ReadFile(filepath.Join(dir, ".ssh/other"))
	if !strings.HasPrefix(string(text), "|1|") || err != nil {
		t.Errorf("known hosts: got %q, %v; want a hashed name", text, err)
	}
	mustDial(t, dialer(t, dir, nil), host.target("n"))
	sshdtest.WriteFile(t, config, "StrictHostKeyChecking no\nUserKnownHostsFile /dev/null\n")
	mustDial(t, dialer(t, dir, nil), host.target("n"))
	if info, err := os.Stat("/dev/null"); err != nil || info.Mode().IsRegular() {
		t.Errorf("/dev/null: got %v, %v; want a device still", info.Mode(), err)
	}
}
