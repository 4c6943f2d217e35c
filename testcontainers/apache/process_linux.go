package apache

import "syscall"

// childAttr keeps the terminal's Ctrl-C from the child (we end it ourselves, in order) and lets it not outlive us.
func childAttr() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
}
