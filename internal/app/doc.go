// Package app is the convstream program: its commands, one file each, and what they share:
// configuration, exit codes, the log and the status page. It wires the other packages; it is
// the only one that imports them all.
package app
