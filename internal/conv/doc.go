// Package conv holds the words that convstream's packages share: windows, jobs, rows,
// marks, checkpoints and batches. It imports the standard library only, does no I/O and
// starts no goroutine.
//
// Every instant in it is an int64 of UTC epoch milliseconds, and every interval is
// half-open: the start belongs to it, the end does not.
package conv
