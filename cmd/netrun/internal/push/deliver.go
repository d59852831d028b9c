package push

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
	"time"
)

// fastRTT parts a local network, where unpacking costs a host more than
// sending does, from links where the helper's size counts.
const fastRTT = 5 * time.Millisecond

// deliver puts the helper where the script stands ready for it: "<free KiB> <path>".
func (o *opener) deliver(at string) error {
	freeText, path, _ := strings.Cut(at, " ")
	arch, err := o.arch()
	if err != nil {
		return err
	}
	packed := o.session.RTT >= fastRTT && o.host.gzip
	data, err := o.opts.Source.Binary(arch, packed)
	if err != nil {
		return err
	}
	whole, err := o.opts.Source.Binary(arch, false)
	if err != nil {
		return err
	}
	need := len(whole) >> 10
	if packed {
		need += len(data) >> 10
	}
	if free, err := strconv.Atoi(freeText); err == nil && free > 0 && free <= need {
		return o.order("next", 0, fmt.Sprintf("no space: %d KiB needed, %d KiB free", need, free), "")
	}
	o.place = path[:strings.LastIndexByte(path, '/')+1]
	return o.send(path, o.hashes[arch], data, packed)
}

// send uploads by sftp where that works, else through the command's stdin. With
// become, sftp would write as the wrong user.
func (o *opener) send(path, sha string, data []byte, packed bool) error {
	become := o.opts.Become.Method != "" || o.opts.Become.User != ""
	if !o.noSFTP && !o.opts.NoSFTP && !become {
		err := o.upload(path, data)
		switch {
		case err == nil:
			return o.order(choose(packed, "gzfile", "file"), 0, sha, sha[:shortHash])
		case errors.Is(err, errBroken):
			return o.order("next", 0, err.Error(), "")
		}
		o.noSFTP = true
	}
	if err := o.order(choose(packed, "gzip", "raw"), len(data), sha, sha[:shortHash]); err != nil {
		return err
	}
	if _, err := o.session.Stdin.Write(data); err != nil && !errors.Is(err, io.EOF) {
		return fmt.Errorf("push helper: %w", err)
	}
	return nil
}

// errBroken is an upload that began and did not end well.
var errBroken = errors.New("sftp upload")

// upload writes to the file that the script made. It must be there: where sftp
// lives in a chroot of its own, the same path is another file.
func (o *opener) upload(path string, data []byte) error {
	client, err := o.conn.SFTP()
	if err != nil {
		return err
	}
	defer client.Close()
	f, err := client.OpenFile(path, os.O_WRONLY|os.O_TRUNC)
	if err != nil {
		return err
	}
	if _, err := f.ReadFromWithConcurrency(bytes.NewReader(data), o.inFlight()); err != nil {
		f.Close()
		return fmt.Errorf("%w: %w", errBroken, err)
	}
	if err := f.Close(); err != nil {
		return fmt.Errorf("%w: %w", errBroken, err)
	}
	return nil
}

// inFlight is how many packets of 32 KiB may be under way. sshd slows down a lot
// when its buffers grow (8 MiB over loopback take 40 ms with 16 packets, 160 ms
// with 64), so a near host gets few; a far one needs many to fill the line.
func (o *opener) inFlight() int {
	if o.session.RTT < fastRTT {
		return 16
	}
	return 64
}

// order writes the one line that the script waits for at each place.
func (o *opener) order(word string, size int, a, b string) error {
	a = strings.ReplaceAll(a, "\n", " ")
	if _, err := fmt.Fprintf(o.session.Stdin, "%s %d %s %s\n", word, size, a, b); err != nil && !errors.Is(err, io.EOF) {
		return fmt.Errorf("push helper: %w", err)
	}
	return nil
}

func choose(yes bool, a, b string) string {
	if yes {
		return a
	}
	return b
}
