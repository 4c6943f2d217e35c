package simulator

import (
	"maps"
	"slices"

	"convstream/internal/conv"
)

// Stats is what was asked of the simulator so far.
type Stats struct {
	// Requests counts by operation and status; "cut" is the status of those whose
	// connection was cut.
	Requests map[Operation]map[string]int `json:"requests"`
	Jobs     []JobStats                   `json:"jobs"`
	// Faults counts by kind, as the faults file names them: partial and failed per job,
	// gone per request that was told so.
	Faults map[string]int `json:"faults"`
}

// JobStats is one job, in the order of submission.
type JobStats struct {
	ID    string `json:"id"`
	Start string `json:"start"` // as submitted
	End   string `json:"end"`   // as submitted
	Pages []int  `json:"pages"` // how often each page was served, whole or cut
}

// Stats returns a copy of the counts.
func (s *Simulator) Stats() Stats {
	s.mu.Lock()
	defer s.mu.Unlock()
	st := Stats{Requests: map[Operation]map[string]int{}, Jobs: []JobStats{}, Faults: maps.Clone(s.stats.faults)}
	for op, byStatus := range s.stats.requests {
		st.Requests[op] = maps.Clone(byStatus)
	}
	for _, j := range s.jobs {
		st.Jobs = append(st.Jobs, JobStats{
			ID:    j.id,
			Start: conv.FormatInstant(j.query.start),
			End:   conv.FormatInstant(j.query.end),
			Pages: slices.Clone(j.pages),
		})
	}
	return st
}

type counters struct {
	requests map[Operation]map[string]int
	faults   map[string]int
	total    int
}

func newCounters() counters {
	c := counters{requests: map[Operation]map[string]int{}, faults: map[string]int{}}
	for _, op := range operations {
		c.requests[op] = map[string]int{}
	}
	return c
}

func (s *Simulator) count(op Operation, status string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.stats.requests[op][status]++
}

// correlation returns an id for the answer to one request.
func (s *Simulator) correlation() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.stats.total++
	d := newDice(s.cfg.Seed, forCorrelation, uint64(s.stats.total))
	return d.id().String()
}
