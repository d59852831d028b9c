package playbooks

import (
	"fmt"
	"strings"

	"netrun/inventory/yamlpos"
	"netrun/tasks"
)

// ansibleNames says what takes the place of Ansible's modules that netrun has under another name.
var ansibleNames = map[string]string{
	"apt": "package", "yum": "package", "dnf": "package", "apk": "package", "pacman": "package", "zypper": "package", "pip": "command",
	"systemd": "service", "systemd_service": "service", "raw": "shell", "script": "copy and command", "win_command": "command",
	"setup": "facts", "gather_facts": "facts", "stat": "command with probe: true", "slurp": "fetch", "get_url": "command", "uri": "command",
	"blockinfile": "lineinfile", "replace": "lineinfile", "synchronize": "copy", "unarchive": "command", "git": "command", "user": "command", "group": "command",
	"ip": "address, route, rule or interface", "nmcli": "address, route or interface", "network_connections": "address, route or interface",
	"openvswitch_bridge": "ovs_bridge", "openvswitch_port": "ovs_port", "ip_address": "address", "ip_route": "route", "ip_rule": "rule",
	"include": "include_tasks", "include_vars": "vars_files on the play", "import_tasks": "import_tasks", "set_facts": "set_fact",
	"ufw": "iptables", "firewalld": "iptables", "nftables": "iptables", "docker_network": "bridge and static_ip", "sysctl_set": "sysctl",
	"add_host": "the inventory", "group_by": "when", "reboot": "command", "mount": "command", "cron": "copy", "hostname": "command", "tempfile": "command", "wait_for_connection": "wait_for",
}

// ansibleHint is what to write for a module of Ansible, "" if it is none.
func ansibleHint(name string, value *yamlpos.Node) string {
	switch name {
	case "action", "local_action":
		return actionHint(name, value)
	}
	short := name[strings.LastIndexByte(name, '.')+1:]
	if _, ok := tasks.Lookup(short); ok && short != name {
		return fmt.Sprintf("netrun's kind has no collection before it: %s", short)
	}
	if strings.HasPrefix(short, "include_") || strings.HasPrefix(short, "import_") {
		if short != name {
			return "write " + short
		}
	}
	if own, ok := ansibleNames[short]; ok && own != name {
		return fmt.Sprintf("%s is Ansible's: here it is %s", name, own)
	}
	return ""
}

func actionHint(name string, value *yamlpos.Node) string {
	kind := "KIND"
	if value != nil && value.Kind == yamlpos.Scalar {
		kind, _, _ = strings.Cut(strings.TrimSpace(value.Raw), " ")
	}
	if name == "local_action" {
		return fmt.Sprintf("write %s: ..., with delegate_to: localhost", kind)
	}
	return fmt.Sprintf("write %s: ... instead", kind)
}
