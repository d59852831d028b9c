package lab

import "testing"

func TestAccounts(t *testing.T) {
	passwd := "root:x:0:0:root:/home/r:/usr/bin/zsh\nrooty:x:1:1::/:/bin/sh\nsshd:x:9:9::/run/sshd:/usr/sbin/nologin\n"
	want := "root:x:0:0:root:/root:/bin/sh\nrooty:x:1:1::/:/bin/sh\nsshd:x:9:9::/run/sshd:/usr/sbin/nologin\n"
	if got := rootAccount(passwd, "/bin/sh"); got != want {
		t.Errorf("rootAccount: got %q; want %q", got, want)
	}
	shadow := "root:!$y$x:19000:0:10::::\nme:$y$secret:1::::::\n"
	if got, want := openRoot(shadow), "root:*:20000:0:99999:7:::\nme:$y$secret:1::::::\n"; got != want {
		t.Errorf("openRoot: got %q; want %q", got, want)
	}
}
