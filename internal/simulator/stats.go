package simulator

import (
	"maps"
	"slices"
	"time"

	"convstream/internal/conv"
)

// Stats is what was asked of the simulator so far.
type Stats struct {
	// Requests counts by operation and status; "cut" is the status of those whose
	// connection was cut.
	Requests map[Operation]map[string]int `json:"requests"`
	Jobs     []JobStats                   `json:"jobs"`
	// Busiest is the largest number of requests that came within one minute, whichever
	// minute that is, answered or refused.
	Busiest int `json:"busiest_minute"`
	// Faults counts by kind, as the faults file names them: what a job's script or view
	// brings about per job, what becomes of its result per request that was told so, what is
	// wrong with a row per row, and the others per answer.
	Faults map[string]int `json:"faults"`
}

// JobStats is one job, in the order of submission.
type JobStats struct {
	ID      string  `json:"id"`
	Dialect Dialect `json:"dialect"`
	Start   string  `json:"start"` // as submitted
	End     string  `json:"end"`   // as submitted; behind the last instant in jobs
	Pages   []int   `json:"pages"` // how often each page was served, whole or cut
}

// Stats returns a copy of the counts.
func (s *Simulator) Stats() Stats {
	s.mu.Lock()
	defer s.mu.Unlock()
	st := Stats{Requests: map[Operation]map[string]int{}, Jobs: []JobStats{}, Busiest: s.stats.busiest, Faults: maps.Clone(s.stats.faults)}
	for op, byStatus := range s.stats.requests {
		st.Requests[op] = maps.Clone(byStatus)
	}
	for _, j := range s.jobs {
		end := j.window.To
		if j.dialect == Reports {
			end--
		}
		st.Jobs = append(st.Jobs, JobStats{
			ID:      j.id,
			Dialect: j.dialect,
			Start:   conv.FormatInstant(j.window.From),
			End:     conv.FormatInstant(end),
			Pages:   append([]int{}, j.pages...),
		})
	}
	return st
}

type counters struct {
	requests map[Operation]map[string]int
	faults   map[string]int
	total    int
	busiest  int
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

// minute is the requests of the last minute.
type minute struct{ times []time.Time }

// at forgets what lies a minute before now, and returns how many are left.
func (m *minute) at(now time.Time) int {
	old := 0
	for old < len(m.times) && now.Sub(m.times[old]) >= time.Minute {
		old++
	}
	m.times = slices.Delete(m.times, 0, old)
	return len(m.times)
}

func (m *minute) add(now time.Time) { m.times = append(m.times, now) }

// correlation returns an id for the answer to one request.
func (s *Simulator) correlation() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.stats.total++
	d := newDice(s.cfg.Seed, forCorrelation, uint64(s.stats.total))
	return d.id().String()
}
