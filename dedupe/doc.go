// Package dedupe remembers which rows were published already, and with what content.
//
// A [History] holds one [Entry] for each published row, in buckets of one UTC hour of event
// time. A bucket is a sealed segment on disk, sorted by key behind a Bloom filter, and a map
// in memory of what came since. When the buckets outgrow their share of memory, the least
// recently used are sealed: the map is merged with the segment into a new one. A filter only
// spares reads: what it says no to is not in the segment, and what it says maybe to is
// looked up, so that no row is dropped on a filter's word.
//
// The memory is two-phase, as a Kafka transaction is. What [History.Check] lets through is in
// flight under its batch, seen by every later check, and becomes history with
// [History.Commit] or is thrown away with [History.Forget].
//
// What is on disk is a cache of the row topic. The ledger says which windows hold rows of
// which times ([History.Expect]); a bucket may be asked about once every window that touches
// it is covered, and [History.Missing] names those that have to be read back first.
//
// A segment only ever gains what Kafka has committed. So the manifest, which says what the
// segments cover and is written by [History.Save] alone, stays true after a crash however
// old it is; what it does not speak of is loaded again. It is removed before a segment is
// given up as damaged, because from then on it would claim too much.
package dedupe
