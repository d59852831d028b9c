package lab

import (
	"crypto/ed25519"
	"encoding/pem"
	"fmt"
	"io"
	"strings"

	"golang.org/x/crypto/ssh"
)

// keyPair is an ed25519 key as OpenSSH's files hold it.
type keyPair struct {
	private string // PEM
	public  string // "ssh-ed25519 AAAA...", without comment and newline
}

func newKey(random io.Reader) (keyPair, error) {
	pub, priv, err := ed25519.GenerateKey(random)
	if err != nil {
		return keyPair{}, fmt.Errorf("generate key: %w", err)
	}
	block, err := ssh.MarshalPrivateKey(priv, "netrun lab")
	if err != nil {
		return keyPair{}, fmt.Errorf("encode key: %w", err)
	}
	sshPub, err := ssh.NewPublicKey(pub)
	if err != nil {
		return keyPair{}, fmt.Errorf("encode key: %w", err)
	}
	return keyPair{
		private: string(pem.EncodeToMemory(block)),
		public:  strings.TrimSpace(string(ssh.MarshalAuthorizedKey(sshPub))),
	}, nil
}
