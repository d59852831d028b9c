package dial

import (
	"context"
	"errors"
	"fmt"

	"golang.org/x/crypto/ssh"
)

// authMethods lists what to try: keys, then the password in both its forms.
func (d *Dialer) authMethods(ctx context.Context, ep *endpoint, p *progress) []ssh.AuthMethod {
	var methods []ssh.AuthMethod
	signers, err := d.keys.signers(ep)
	p.authErr = err
	for _, s := range signers {
		p.offered = append(p.offered, fingerprint(s.PublicKey()))
	}
	if len(signers) > 0 {
		methods = append(methods, ssh.PublicKeys(signers...))
	}
	if ep.password == "" && !d.cfg.AskPassword {
		return methods
	}
	secret := func() (string, error) {
		pw, err := d.loginPassword(ep)
		p.authErr = errors.Join(p.authErr, err)
		return pw, err
	}
	return append(methods, ssh.PasswordCallback(secret), ssh.KeyboardInteractive(challenge(ctx, secret)))
}

// loginPassword is the target's own, or the one asked for once a run.
func (d *Dialer) loginPassword(ep *endpoint) (string, error) {
	if ep.password != "" {
		return ep.password, nil
	}
	d.passwordOnce.Do(func() {
		d.password, d.passwordErr = d.ask("login password for all hosts that want one: ")
		if d.passwordErr != nil {
			d.passwordErr = fmt.Errorf("ask for the login password: %w", d.passwordErr)
		}
	})
	return d.password, d.passwordErr
}

// challenge answers one hidden question with the password. A second one means
// that the password was wrong, or that the host wants more than we have.
func challenge(ctx context.Context, secret func() (string, error)) ssh.KeyboardInteractiveChallenge {
	answered := false
	return func(_, _ string, questions []string, echos []bool) ([]string, error) {
		if len(questions) == 0 {
			return nil, ctx.Err()
		}
		if len(questions) != 1 || echos[0] || answered {
			return nil, fmt.Errorf("the host asks %q, which a password does not answer", questions)
		}
		answered = true
		pw, err := secret()
		return []string{pw}, err
	}
}
