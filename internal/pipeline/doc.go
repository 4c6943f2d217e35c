// Package pipeline is the one loop of convstream: it takes windows through the platform's
// jobs, turns their rows into batches and hands the batches to Kafka, one transaction each.
//
// Work happens in epochs. An epoch begins with the ledger that a claim or a recovery has
// returned, and ends when every window is done, when the caller stops it, or when a commit
// fails. In the last case nothing is repaired: what was in flight is forgotten, every
// window goes back to its place in the ledger, and a new epoch begins. So recovery is the
// same path as a start.
//
// Within an epoch each window has a goroutine that reads, encodes and checks its rows, and
// one committer commits the batches of all windows in the order they were handed over.
package pipeline
