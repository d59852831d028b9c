package inventory

import (
	"slices"
	"strings"

	"netrun/inventory/diag"
)

// sshKeywords are the options of ssh_config(5) that may stand after -o, in their
// usual spelling, and whether netrun uses them. The others are about the OpenSSH
// client itself and are taken without effect.
var sshKeywords = map[string]bool{
	"CertificateFile": true, "Ciphers": true, "ConnectTimeout": true, "ForwardAgent": true, "GlobalKnownHostsFile": true,
	"HostKeyAlgorithms": true, "HostKeyAlias": true, "HostName": true, "IdentitiesOnly": true, "IdentityAgent": true,
	"IdentityFile": true, "KexAlgorithms": true, "MACs": true, "PasswordAuthentication": true, "Port": true,
	"PreferredAuthentications": true, "ProxyCommand": true, "ProxyJump": true, "PubkeyAuthentication": true,
	"ServerAliveCountMax": true, "ServerAliveInterval": true, "StrictHostKeyChecking": true, "User": true, "UserKnownHostsFile": true,
	"AddressFamily": false, "BatchMode": false, "CheckHostIP": false, "Compression": false, "ControlMaster": false,
	"ControlPath": false, "ControlPersist": false, "ForwardX11": false, "GSSAPIAuthentication": false, "KbdInteractiveAuthentication": false,
	"LogLevel": false, "NumberOfPasswordPrompts": false, "PubkeyAcceptedAlgorithms": false, "RequestTTY": false, "TCPKeepAlive": false,
	"UpdateHostKeys": false, "VerifyHostKeyDNS": false,
}

// sshArgs reads arguments of the ssh command, as ansible_ssh_common_args has
// them.
func sshArgs(c *Connection, v Var, name string) error {
	s, ok := v.Value.(string)
	if !ok {
		return wrong(v, name, "text")
	}
	tokens, err := words(s, false)
	if err != nil {
		return diag.Errorf(v.Pos, "%s: %v", name, err)
	}
	r := argReader{c: c, v: v, name: name, rest: tokens}
	for len(r.rest) > 0 {
		r.next()
	}
	return r.errs.Err()
}

type argReader struct {
	c    *Connection
	v    Var
	name string
	rest []token
	errs diag.List
}

func (r *argReader) fail(format string, a ...any) *diag.Error {
	e := diag.Errorf(r.v.Pos, r.name+": "+format, a...)
	r.errs.Add(e)
	return e
}

// argument returns what stands in the option itself (-oX=Y) or is the next word.
func (r *argReader) argument(flag, attached string) (string, bool) {
	if attached != "" {
		return attached, true
	}
	if len(r.rest) == 0 {
		r.fail("an argument is missing after %s", flag)
		return "", false
	}
	arg := r.rest[0].text
	r.rest = r.rest[1:]
	return arg, true
}

// plainFlags change only how the OpenSSH client shows and multiplexes things.
var plainFlags = []string{"-4", "-6", "-C", "-q", "-T", "-v", "-x"}

func (r *argReader) next() {
	word := r.rest[0].text
	r.rest = r.rest[1:]
	if slices.Contains(plainFlags, word) {
		return
	}
	if len(word) < 2 || word[0] != '-' || strings.IndexByte("Jolpi", word[1]) < 0 {
		r.fail("unknown argument %q", flagOnly(word)).WithHint("known: -J HOST, -o KEYWORD=VALUE, -l USER, -p PORT, -i FILE")
		return
	}
	arg, ok := r.argument(word[:2], word[2:])
	if !ok {
		return
	}
	switch word[1] {
	case 'o':
		r.option(arg)
	default:
		r.set(map[byte]string{'J': "ProxyJump", 'l': "User", 'p': "Port", 'i': "IdentityFile"}[word[1]], arg)
	}
}

// flagOnly cuts a word that may hold a secret down to its flag.
func flagOnly(word string) string {
	if name, _, ok := strings.Cut(word, "="); ok {
		return name + "=..."
	}
	return word
}

func (r *argReader) option(arg string) {
	name, value, ok := strings.Cut(arg, "=")
	if !ok {
		name, value, ok = strings.Cut(arg, " ")
	}
	name, value = strings.TrimSpace(name), strings.TrimSpace(value)
	if !ok || value == "" {
		r.fail("-o %s has no value", name).WithHint("write -o KEYWORD=VALUE")
		return
	}
	for known, used := range sshKeywords {
		if strings.EqualFold(known, name) {
			if used {
				r.set(known, value)
			}
			return
		}
	}
	known := make([]string, 0, len(sshKeywords))
	for k := range sshKeywords {
		known = append(known, k)
	}
	e := r.fail("unknown keyword %q after -o", name)
	if near := diag.Nearest(name, known); near != "" {
		e.WithHint("did you mean %q?", near)
	} else {
		e.WithHint("put it into ~/.ssh/config if ssh itself needs it")
	}
}

// set puts a keyword's value into the field that has it, else into SSHArgs. The
// variables that name the same thing have been read before and win.
func (r *argReader) set(keyword, value string) {
	c, v := r.c, Var{Value: value, Pos: r.v.Pos}
	if strings.ContainsAny(value, "\x00\r\n") {
		r.fail("%s holds a line break or NUL", keyword)
		return
	}
	switch keyword {
	case "ProxyJump":
		r.jump(value)
	case "ProxyCommand":
		r.proxyCommand(value)
	case "StrictHostKeyChecking":
		r.strict(value)
	case "ConnectTimeout":
		if c.ConnectTimeout == 0 {
			r.errs.Add(setTimeout(c, v, r.name+": ConnectTimeout"))
		}
	case "Port":
		if c.Port == 0 {
			r.errs.Add(setPort(c, v, r.name+": Port"))
		}
	case "User":
		if c.User == "" {
			r.errs.Add(text(func(c *Connection) *string { return &c.User })(c, v, r.name+": User"))
		}
	case "IdentityFile":
		if c.KeyFile == "" {
			c.KeyFile = value
		}
	default:
		c.SSHArgs = append(c.SSHArgs, keyword+"="+value)
	}
}

func (r *argReader) jump(value string) {
	if value == "none" {
		value = ""
	}
	if strings.HasPrefix(value, "-") || strings.ContainsAny(value, " \t") {
		r.fail("%q is no jump host", value).WithHint("[USER@]HOST[:PORT], several with commas")
		return
	}
	r.c.ProxyJump = value
}

func (r *argReader) strict(value string) {
	switch strings.ToLower(value) {
	case "no", "off", "yes":
		if r.c.HostKeyChecking == nil {
			on := strings.EqualFold(value, "yes")
			r.c.HostKeyChecking = &on
		}
	case "accept-new", "ask":
		r.c.SSHArgs = append(r.c.SSHArgs, "StrictHostKeyChecking="+strings.ToLower(value))
	default:
		r.fail("StrictHostKeyChecking=%s", value).WithHint("known: accept-new, ask, no, yes")
	}
}

// proxyCommand reads the one command that is a jump host in other words:
// ssh -W %h:%p [-q] [-p PORT] [-l USER] HOST. No command is ever run.
func (r *argReader) proxyCommand(value string) {
	tokens, err := words(value, false)
	if err != nil || len(tokens) < 2 || tokens[0].text != "ssh" {
		r.notJump()
		return
	}
	opts, dest := map[string]string{}, ""
	for i := 1; i < len(tokens); i++ {
		switch t := tokens[i].text; {
		case t == "-q":
		case (t == "-W" || t == "-p" || t == "-l") && i+1 < len(tokens):
			i++
			opts[t] = tokens[i].text
		case t == "" || t[0] == '-' || dest != "":
			r.notJump()
			return
		default:
			dest = t
		}
	}
	if opts["-W"] != "%h:%p" || dest == "" {
		r.notJump()
		return
	}
	if opts["-l"] != "" && !strings.Contains(dest, "@") {
		dest = opts["-l"] + "@" + dest
	}
	if opts["-p"] != "" {
		dest += ":" + opts["-p"]
	}
	r.jump(dest)
}

func (r *argReader) notJump() {
	r.fail("ProxyCommand runs a program, which is not supported").WithHint("write -J [USER@]HOST[:PORT], or -o ProxyCommand=\"ssh -W %%h:%%p HOST\"")
}
