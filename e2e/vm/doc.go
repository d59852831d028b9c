// Package vm runs a pair of virtual machines with systemd, a kernel that has all
// its modules, Open vSwitch and Docker, for what network namespaces on one kernel
// cannot show: reboots, power cuts, real network cards, and the kinds of links that
// the kernel below may lack. It knows QEMU and SSH, and nothing of what is inside
// netrun. Its tests have the build tag vm: make vm.
package vm
