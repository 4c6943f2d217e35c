package app

import (
	"math"
	"sync"
	"time"

	"github.com/rs/zerolog"

	"convstream/internal/conv"
	"convstream/internal/pipeline"
)

// pulseEvery is how often a run says in the log how far it is.
const pulseEvery = 30 * time.Second

// pulse says in the log how far a run is, for as long as it lasts: a run of hours whose log
// is silent looks like one that hangs.
type pulse struct {
	mu      sync.Mutex
	windows int // claimed
	closed  map[conv.Window]bool
	rows    int64
	dead    int64
	idle    bool // there is nothing to do
}

// withPulse adds a line to the log every pulseEvery, while there is something to do, until
// stop is called.
func withPulse(events pipeline.Events, log zerolog.Logger) (with pipeline.Events, stop func()) {
	p := &pulse{closed: map[conv.Window]bool{}}
	claimed, committed, closed, idle := events.Claimed, events.Committed, events.Closed, events.Idle
	events.Idle = func(next time.Time) {
		p.rest()
		idle(next)
	}
	events.Claimed = func(windows int) {
		p.claimed(windows)
		claimed(windows)
	}
	events.Committed = func(cp conv.Checkpoint, rows, dead int, took time.Duration) {
		p.committed(rows, dead)
		committed(cp, rows, dead, took)
	}
	events.Closed = func(cp conv.Checkpoint) {
		p.close(cp)
		closed(cp)
	}
	quit, done := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(done)
		p.beat(log, quit)
	}()
	return events, func() {
		close(quit)
		<-done
	}
}

func (p *pulse) beat(log zerolog.Logger, quit <-chan struct{}) {
	tick := time.NewTicker(pulseEvery)
	defer tick.Stop()
	for before := int64(0); ; {
		select {
		case <-tick.C:
			p.mu.Lock()
			rows, dead, closed, windows, idle := p.rows, p.dead, len(p.closed), p.windows, p.idle
			p.mu.Unlock()
			if idle {
				continue
			}
			log.Info().Int64("rows", rows).Int64("dead_letters", dead).Int("windows_ended", closed).Int("windows", windows).
				Float64("rows_per_second", math.Round(float64(rows-before)/pulseEvery.Seconds())).Msg("progress")
			before = rows
		case <-quit:
			return
		}
	}
}

func (p *pulse) claimed(windows int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.windows, p.idle = windows, false
	clear(p.closed)
}

func (p *pulse) rest() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.idle = true
}

func (p *pulse) committed(rows, dead int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.rows += int64(rows)
	p.dead += int64(dead)
}

func (p *pulse) close(cp conv.Checkpoint) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.closed[cp.Window] = true
}
