// Package soak holds one test: whatever is random about a run (the cut of time, page sizes,
// windows in flight, faults of the platform, crashes and restarts, contracts that are mended or
// gain a field, redrives of dead letters), the same truth yields the same set of rows in Kafka,
// each once, and windows that balance.
//
// Everything is embedded and runs in virtual time: the simulator behind the real HTTP client,
// the real pipeline and producer, an embedded broker. A run is a function of its seed.
package soak
