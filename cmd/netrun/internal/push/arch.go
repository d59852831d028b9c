package push

// Arches lists the architectures that the helper is built for, by Go's names,
// the commonest first.
func Arches() []string { return []string{"amd64", "arm64", "arm", "riscv64"} }

// goArch translates what uname -m says; "" if there is no helper for it.
func goArch(machine string) string {
	switch machine {
	case "x86_64", "amd64":
		return "amd64"
	case "aarch64", "arm64":
		return "arm64"
	case "armv6l", "armv7l", "armv8l":
		// armv8l is a 32-bit userland on a 64-bit CPU.
		return "arm"
	case "riscv64":
		return "riscv64"
	}
	return ""
}
