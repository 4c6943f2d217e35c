package soak

import (
	"math/rand/v2"
	"time"

	"convstream/extractor"
	"convstream/extractor/genesys"
	"convstream/internal/conv"
	"convstream/internal/pipeline"
	"convstream/internal/simulator"
)

const (
	hour = int64(time.Hour / time.Millisecond)
	day  = 24 * hour

	// newYear is when a synctest bubble begins its time.
	newYear = int64(946684800000)
)

// scenario is what is random about a run.
type scenario struct {
	seed     uint64
	dialect  string
	platform simulator.Config
	pageSize int
	filter   []genesys.Filter
	config   pipeline.Config
	extract  extractor.Config
	terms    []terms // contracts, each in place of the one before
	lives    []life  // of the first processes; one more does all the work that is left
	early    bool    // letters are redriven before that, and not after it
}

// crash is the death of a process: at one of its network writes to Kafka, delivered or not,
// or by a signal after some time.
type crash struct {
	write  int
	after  bool
	signal time.Duration // 0 for none
}

func pick[T any](rng *rand.Rand, choices ...T) T { return choices[rng.IntN(len(choices))] }

// draw makes a scenario of a seed.
func draw(seed uint64) scenario {
	rng := rand.New(rand.NewPCG(seed, 0x50a4))
	days := int64(1 + rng.IntN(2))
	interval := conv.Window{From: newYear - (10+days)*day, To: newYear - 10*day}
	s := scenario{
		seed:    seed,
		dialect: pick(rng, genesys.DialectReports, genesys.DialectJobs),
		platform: simulator.Config{
			Rows: rng.IntN(400), Window: interval, Seed: seed, Faults: faults(rng),
		},
		pageSize: 1 + rng.IntN(150),
		config: pipeline.Config{
			Org: "acme", SchemaID: 7, Limit: 1_000_000, Overlap: time.Duration(1+rng.IntN(5)) * time.Millisecond,
			Step:   pick(rng, time.Hour, 5*time.Hour, 12*time.Hour, 24*time.Hour, 31*time.Hour+time.Millisecond),
			Narrow: pick(rng, nil, []time.Duration{6 * time.Hour, time.Hour}, []time.Duration{time.Hour}),
			Lag:    15 * time.Minute, Settle: 72 * time.Hour,
			Windows: 1 + rng.IntN(5), Interval: pick(rng, 50*time.Millisecond, time.Second), Bytes: pick(rng, 1, 3000, 1<<20),
			Reconcile: true, Threshold: 0.05,
		},
		extract: extractor.Config{
			Poll:              extractor.Poll{Initial: 10 * time.Second, Max: 2 * time.Minute, Jitter: 5 * time.Second, Deadline: 2 * time.Hour},
			Retry:             extractor.Retry{Initial: time.Second, Max: time.Minute},
			RequestsPerMinute: pick(rng, 60, 300, 3000),
		},
	}
	if s.platform.Faults.Edges == "both_out" { // one millisecond is on the bounds of both its windows
		s.config.Overlap = max(s.config.Overlap, 2*time.Millisecond)
	}
	s.config.Dialect = s.dialect
	if s.dialect == genesys.DialectJobs {
		s.config.Conversations, s.config.Limit = true, 0
		s.config.Step = pick(rng, time.Hour, 8*time.Hour, 12*time.Hour, 24*time.Hour, 48*time.Hour)
	} else if rng.IntN(4) == 0 && s.config.Narrow != nil {
		s.config.Limit = int64(150 + rng.IntN(200)) // some windows have to be narrowed for it
	}
	for range rng.IntN(4) {
		s.lives = append(s.lives, life{death: drawCrash(rng)})
	}
	s.platform.Faults.Drift = drift(rng, s.dialect, interval)
	s.drawTerms(rng)
	return s
}

func drawCrash(rng *rand.Rand) *crash {
	c := crash{write: 5 + rng.IntN(150), after: rng.IntN(2) == 0}
	if rng.IntN(3) == 0 {
		c = crash{signal: time.Duration(rng.Int64N(int64(10 * time.Minute)))}
	}
	return &c
}

// drift draws fields that change in the middle of everything. What the rows publish of those
// that the test compares is as it was.
func drift(rng *rand.Rand, dialect string, interval conv.Window) (list []simulator.Drift) {
	changes := []simulator.Drift{
		{Field: "attributes.custom.case_priority", Change: "removed"},
		{Field: "attributes.custom.mood", Change: "added"},
		{Field: "metrics.queuetime.ms", Change: "to_string"},
	}
	if dialect == genesys.DialectJobs {
		changes = []simulator.Drift{{Field: "mood", Change: "added"}}
	}
	for _, d := range changes {
		if rng.IntN(2) == 0 {
			d.From = time.UnixMilli(interval.From + rng.Int64N(interval.To-interval.From))
			list = append(list, d)
		}
	}
	return list
}

// faults draws what goes wrong. None of it changes what is true.
func faults(rng *rand.Rand) simulator.Faults {
	rates := func(most float64, ops ...simulator.Operation) simulator.Rates {
		r := simulator.Rates{}
		for _, op := range ops {
			r[op] = rng.Float64() * most
		}
		return r
	}
	all := []simulator.Operation{
		simulator.Submit, simulator.Status, simulator.Results, simulator.Abort, simulator.Baseline, simulator.Availability, simulator.Query, simulator.Token,
	}
	f := simulator.Faults{
		PageRows: 1 + rng.IntN(150), JobTime: time.Duration(rng.Int64N(int64(time.Minute))),
		Gzip: rng.IntN(2) == 0, NoBoundaryRepeats: rng.IntN(2) == 0, Offsets: rng.IntN(2) == 0, Zoneless: rng.IntN(3) == 0,
		EmptyPages: pick(rng, 0, 0, 2, 3), ClockSkew: pick(rng, 0, 0, 3*time.Minute, -3*time.Minute),
		Edges:   pick(rng, "", "both_in", "end_out", "start_out", "both_out"),
		Keyless: pick(rng, 0, 0, 3), // dialect reports only
	}
	if rng.IntN(3) > 0 {
		f.TooMany, f.Unavailable = rates(0.1, all...), rates(0.1, all...)
		f.Cut = rates(0.1, all...)
		f.Expired = rates(0.05, all[:7]...)
		f.Garbled, f.Truncated = rates(0.1, simulator.Results), rates(0.1, simulator.Results)
		f.RetryAfter = 1 + rng.IntN(30)
		f.RequestsPerMinute = pick(rng, 0, 0, 100)
		f.LimitAnswer = pick(rng, "retry_after", "message", "headers")
		f.JobsInFlight = pick(rng, 0, 0, 2)
		f.TokenLife = pick(rng, time.Minute, time.Hour)
		f.Drip = pick(rng, simulator.Drip{}, simulator.Drip{}, simulator.Drip{Bytes: 4000, Every: time.Second})
	}
	for job := range 1 + rng.IntN(8) {
		job++
		switch rng.IntN(12) {
		case 0:
			f.Script.Partial = append(f.Script.Partial, job)
		case 1:
			f.Script.Failed = append(f.Script.Failed, job)
		case 2:
			f.Script.Gone = append(f.Script.Gone, simulator.Gone{Job: job, Pages: 1 + rng.IntN(2)})
		case 3:
			f.Script.Expires = append(f.Script.Expires, simulator.Expires{Job: job, Pages: 1 + rng.IntN(2)})
		case 4:
			f.Script.Vanished = append(f.Script.Vanished, simulator.Vanished{Job: job, After: time.Duration(rng.IntN(60)) * time.Second})
		case 5:
			f.Script.Stalled = append(f.Script.Stalled, simulator.Stalled{Job: job, For: 10 * time.Minute, Progress: pick(rng, "stay", "fall", "missing")})
		case 6:
			f.Script.Unknown = append(f.Script.Unknown, simulator.Unknown{Job: job, Word: "pondering", For: 5 * time.Minute})
		case 7:
			f.Script.Endless = append(f.Script.Endless, job)
		case 8:
			f.Script.Loops = append(f.Script.Loops, simulator.Loop{Job: job, From: 2, To: 2})
		}
	}
	return f
}
