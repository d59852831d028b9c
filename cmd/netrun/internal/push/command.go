package push

import (
	"fmt"
	"strings"
)

// Become says as which user the helper runs, if not as the one logged in.
type Become struct {
	Method   string // "", "sudo", "su" or "doas"; "" with a User means sudo
	User     string // "" means root where a method is named
	Password string // for sudo and su; travels on stdin, when asked for
	// KeepLogin tells the helper who logged in: what is not to become another user
	// runs as that one, and only the helper itself as User.
	KeepLogin bool
}

// prompt is what sudo asks with, so that a password is sent if and only if one
// is wanted: sudo may know the user already, and the helper reads from the same
// stdin.
const prompt = "netrun-password:"

// script finds the helper and becomes it, or receives it first. It must do on
// dash and on busybox, and hold no newline, single quote or exclamation mark:
// those mean something inside quotes to csh or fish, which may be login shells.
//
// $H are the names' hashes, one for each architecture; $1 is SSH_CONNECTION and $2
// who logged in, if that matters: sudo would drop both from the environment. A program is run only if it and
// its directory belong to the caller or root and nobody else may write there.
// For root in root's own places the shell's -O tells that without a process.
var script = strings.Join([]string{
	`set -f; s=$1; l=$2; u=; t=`,
	`me() { [ -n "$u" ] || u=$(id -u); }`,
	`safe() { [ -L "$1" ] && return 1; me; set -- $(LC_ALL=C ls -ldn "$1" 2>/dev/null); case $1 in [d-]????-??-*) ;; *) return 1;; esac; [ "$3" = 0 ] || [ "$3" = "$u" ]; }`,
	`own() { if [ -L "$1" ]; then return 1; fi; if [ -O / ] && [ -n "$q" ]; then [ -O "$1" ]; else safe "$1"; fi; }`,
	`try() { for h in $H; do f=$d/netrun-helper-$h; [ -f "$f" ] && [ -x "$f" ] && own "$d" && own "$f" && exec "$f" serve --ssh "$s" ${l:+--login "$l"}; done; }`,
	`c=; [ -d "$HOME" ] && c=$HOME/.cache/netrun`,
	`[ -n "$F" ] || { q=1; for d in /var/lib/netrun/bin /usr/local/lib/netrun; do try; done; q=; for d in "$c" /opt/netrun; do try; done; me; for d in /var/tmp/netrun-$u /tmp/netrun-$u /dev/shm/netrun-$u /run/netrun; do try; done; }`,
	`me; command -v gzip >/dev/null 2>&1 && g=gzip || g=nogzip`,
	`echo "NETRUN-ABSENT $(uname -s) $(uname -m) $u $g"`,
	`bye() { [ -z "$t" ] || rm -f "$t" "$t.x"; }; trap bye EXIT; trap "exit 1" HUP INT TERM`,
	`no() { echo "NETRUN-NO $d:" $1; bye; t=; }`,
	// The parents must exist: nobody wants a /opt that only root may enter.
	`prep() { p=${d%/netrun*}; [ -d "${p%/.cache}" ] || { no "no directory ${p%/.cache}"; return 1; }`,
	`e=$( { umask 077; mkdir -p "$d"; } 2>&1) || { no "$e"; return 1; }`,
	`safe "$d" || { no "others own it or may write to it"; return 1; }`,
	`find "$d" -name ".netrun-helper-*" -mmin +60 -exec rm -f {} + 2>/dev/null`,
	`t=$d/.netrun-helper-$$; e=$( { umask 077; rm -f "$t"; printf "#\041/bin/sh\n" >"$t" && chmod 700 "$t"; } 2>&1) || { no "$e"; return 1; }`,
	`e=$("$t" 2>&1) || { no "programs do not run here, as on a noexec mount: ${e##*: }"; return 1; }`,
	`k=$(df -Pk "$d" 2>/dev/null | { read -r a; read -r a b c k r; echo "$k"; }); }`,
	// head writes 4 KiB at a time, which takes five times as long as dd.
	`take() { if dd count=0 iflag=fullblock,count_bytes </dev/null >/dev/null 2>&1; then dd bs=65536 count="$n" iflag=fullblock,count_bytes 2>/dev/null; else head -c "$n"; fi; }`,
	// Whatever does not fit is drained, so that the next order is read as one.
	`put() { case $o in raw) take | { cat >"$t" || { cat >/dev/null; false; }; };; gzip) take | { gzip -dc >"$t" || { cat >/dev/null; false; }; };; file) :;; gzfile) gzip -dc <"$t" >"$t.x" && mv -f "$t.x" "$t";; *) echo "$b $h"; false;; esac; }`,
	`add() { put && chmod 755 "$t" && "$t" install --sha256 "$b" "$f" </dev/null && [ -x "$f" ]; }`,
	`for d in /var/lib/netrun/bin /usr/local/lib/netrun "$c" /opt/netrun /var/tmp/netrun-$u /tmp/netrun-$u /dev/shm/netrun-$u /run/netrun; do [ -n "$d" ] || continue; prep || continue`,
	`echo "NETRUN-AT ${k:-0} $t"; read -r o n b h || exit 1; f=$d/netrun-helper-$h`,
	`e=$(add 2>&1) && { t=; exec "$f" serve --ssh "$s" ${l:+--login "$l"}; }; no "${e:-no cause given}"; done`,
	`echo NETRUN-NONE; exit 1`,
}, "; ")

// Command is what the login shell of a host runs to find or receive the helper.
// Hashes are the first 16 hex digits of each architecture's sha256. With fresh,
// no helper that lies there is tried.
func Command(hashes []string, become Become, fresh bool) (string, error) {
	for _, h := range hashes {
		if len(h) != shortHash || strings.Trim(h, "0123456789abcdef") != "" {
			return "", fmt.Errorf("helper hash %q: want %d hex digits", h, shortHash)
		}
	}
	skip := ""
	if fresh {
		skip = "1"
	}
	program := fmt.Sprintf(`'H="%s"; F=%s; q=; %s' netrun "$SSH_CONNECTION"`, strings.Join(hashes, " "), skip, script)
	if become.KeepLogin {
		program += ` "$LOGNAME"`
	}
	return become.wrap(program)
}

// wrap puts the change of user before the program.
func (b Become) wrap(program string) (string, error) {
	if b.Method == "" && b.User == "" {
		return "exec /bin/sh -c " + program, nil
	}
	user := b.User
	if user == "" {
		user = "root"
	}
	if strings.HasPrefix(user, "-") || strings.ContainsAny(user, "\x00\r\n!") {
		return "", fmt.Errorf("become user %q: not a user name", user)
	}
	user = quote(user)
	switch b.Method {
	case "sudo", "":
		flags := "-n"
		if b.Password != "" {
			flags = "-S -p '" + prompt + "'"
		}
		return fmt.Sprintf("exec sudo -H %s -u %s -- /bin/sh -c %s", flags, user, program), nil
	case "su":
		// The rest of the program's words follow the user: su hands them to the shell.
		body, rest, _ := strings.Cut(program, "' netrun ")
		return fmt.Sprintf("exec su -s /bin/sh -c %s' %s netrun %s", body, user, rest), nil
	case "doas":
		if b.Password != "" {
			return "", fmt.Errorf("become method doas: it reads a password from a terminal only; use nopass in doas.conf, or sudo")
		}
		return fmt.Sprintf("exec doas -n -u %s /bin/sh -c %s", user, program), nil
	}
	return "", fmt.Errorf("become method %q: want sudo, su or doas", b.Method)
}

func quote(word string) string {
	return "'" + strings.ReplaceAll(word, "'", `'\''`) + "'"
}
