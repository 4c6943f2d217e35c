// Package producer is convstream's only door to Kafka. It owns the transactional client,
// the ledger of checkpoints and the claim that says who may write, and it reads back what
// was published.
//
// # The commit protocol
//
// A batch is one transaction: Begin, produce rows, dead letters and events, wait until
// every promise came back without error, produce the checkpoint with the offsets so
// learned, wait again, End. That Flush or EndTransaction return nil proves nothing by
// itself: a record whose promise failed is missing from the transaction that commits, and a
// client that has not yet stored the partitions it produced to aborts, and says nothing. So
// the client is made to settle before End, and a claim counts once it was read back.
//
// # Recovery
//
// The outcome of a failed commit is never guessed from its error; only the ledger knows it.
// After any error the client is closed and [Producer.Recover] runs, which is also how a
// process starts: read the newest claim; if it is another run's, stop; InitProducerID, which
// fences whoever held the transactional id and aborts what was open; write our claim; read
// the ledger up to that claim. This is the order of Kafka Connect's exactly-once source
// (KIP-618): reading first would let a dying twin commit behind our back.
package producer
