package main

import (
	"compress/gzip"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"netrun/e2e/rig"
)

// helperPeaks reads VmHWM, in bytes, of the helpers that run in the pid namespace
// of a lab host's first process.
func helperPeaks(pid int) []int64 {
	host, err := os.Readlink(fmt.Sprintf("/proc/%d/ns/pid", pid))
	if err != nil {
		return nil
	}
	comms, err := filepath.Glob("/proc/[0-9]*/comm")
	if err != nil {
		return nil
	}
	var peaks []int64
	for _, comm := range comms {
		proc := filepath.Dir(comm)
		ns, err := os.Readlink(proc + "/ns/pid")
		if err != nil || ns != host || !strings.HasPrefix(firstLine(comm), "netrun-helper") {
			continue
		}
		kib := int64(0)
		if _, err := fmt.Sscan(field(proc+"/status", "VmHWM"), &kib); err == nil {
			peaks = append(peaks, kib*1024)
		}
	}
	return peaks
}

// helperSizes lists the helpers that are built into netrun.
func helperSizes() ([][]string, error) {
	root, err := rig.Root()
	if err != nil {
		return nil, err
	}
	files, err := filepath.Glob(filepath.Join(root, "cmd/netrun/internal/push/binaries/dist/helper-linux-*.gz"))
	if err != nil {
		return nil, err
	}
	if len(files) == 0 {
		return nil, fmt.Errorf("no helpers built below %s", root)
	}
	slices.Sort(files)
	rows := [][]string{{"helper", "size", "compressed"}}
	for _, f := range files {
		raw, packed, err := sizeOf(f)
		if err != nil {
			return nil, err
		}
		name := strings.TrimSuffix(strings.TrimPrefix(filepath.Base(f), "helper-"), ".gz")
		rows = append(rows, []string{name, mebibytes(raw), mebibytes(packed)})
	}
	return rows, nil
}

func sizeOf(path string) (raw, packed int64, err error) {
	f, err := os.Open(path)
	if err != nil {
		return 0, 0, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return 0, 0, err
	}
	z, err := gzip.NewReader(f)
	if err != nil {
		return 0, 0, err
	}
	raw, err = io.Copy(io.Discard, z)
	return raw, info.Size(), err
}
