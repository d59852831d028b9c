package units

import "strings"

// restoreUnit puts back what does not need a container, before containers start:
// their runtimes may hang on a bridge of ours.
func restoreUnit(program string) string {
	return lines(
		"# Written by netrun, and removed by it when it keeps nothing on this host.",
		"[Unit]",
		"Description=Put back the networks that netrun keeps",
		"After=local-fs.target network.target openvswitch-switch.service ovs-vswitchd.service openvswitch.service",
		"Before=docker.service podman.service podman-restart.service",
		"",
		"[Service]",
		"Type=oneshot",
		"RemainAfterExit=yes",
		"ExecStart="+program+" restore",
		"TimeoutStartSec=120",
		"KillMode=process", // DHCP clients that it has started stay
		"",
		"[Install]",
		"WantedBy=multi-user.target",
	)
}

// watchUnit listens to the runtimes and the kernel; nobody can listen to it.
func watchUnit(program string) string {
	return lines(
		"# Written by netrun, and removed by it when it keeps nothing on this host.",
		"[Unit]",
		"Description=Put networks back when containers start",
		"After=netrun-restore.service docker.service",
		"",
		"[Service]",
		"ExecStart="+program+" watch",
		"Restart=always",
		"RestartSec=1",
		"KillMode=process", // DHCP clients that it has started stay
		"",
		"[Install]",
		"WantedBy=multi-user.target",
	)
}

func lines(l ...string) string { return strings.Join(l, "\n") + "\n" }
