//go:build !linux

package apache

import "syscall"

// childAttr asks nothing: elsewhere a child may outlive a killed parent.
func childAttr() *syscall.SysProcAttr { return nil }
