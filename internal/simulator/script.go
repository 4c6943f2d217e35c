package simulator

import (
	"slices"
	"strings"
	"time"
)

// Script is what happens to jobs by their number, 1 for the first one submitted, in
// whichever dialect.
type Script struct {
	Partial  []int      `yaml:"partial"` // end with the first half of their rows: partial in reports, FULFILLED in jobs
	Failed   []int      `yaml:"failed"`  // end failed
	Endless  []int      `yaml:"endless"` // run for ever
	Stalled  []Stalled  `yaml:"stalled"`
	Unknown  []Unknown  `yaml:"unknown"`
	Vanished []Vanished `yaml:"vanished"`
	Gone     []Gone     `yaml:"gone"`
	Expires  []Expires  `yaml:"expires"`
	Loops    []Loop     `yaml:"loops"`
}

// Stalled is a job that runs For longer than others.
type Stalled struct {
	Job int           `yaml:"job"`
	For time.Duration `yaml:"for"`
	// Progress is what a job of reports tells of itself meanwhile: stay for 0.95 all the
	// time, fall, or missing. Default stay.
	Progress string `yaml:"progress"`
}

// The ways in which the progress of a stalled job misleads.
const (
	progressStay    = "stay"
	progressFall    = "fall"
	progressMissing = "missing"
)

var progresses = []string{progressStay, progressFall, progressMissing}

// Unknown is a job whose status is a word that no client knows, For some time before its
// end, or for ever if that is 0.
type Unknown struct {
	Job  int           `yaml:"job"`
	Word string        `yaml:"word"`
	For  time.Duration `yaml:"for"`
}

// Vanished is a job that is no longer known, 404, After some time: before its end, or at
// once.
type Vanished struct {
	Job   int           `yaml:"job"`
	After time.Duration `yaml:"after"`
}

// Gone is a job that is no longer known, 404, after some of its pages were served.
type Gone struct {
	Job   int `yaml:"job"`
	Pages int `yaml:"pages"`
}

// Expires is a job whose result ends after some of its pages were served: 410 in reports;
// EXPIRED, and a refused cursor, in jobs.
type Expires struct {
	Job   int `yaml:"job"`
	Pages int `yaml:"pages"`
}

// Loop is a job whose page From gives out the token of page To, 1 for the first page: its
// own if they are the same, an earlier one for a longer circle.
type Loop struct {
	Job  int `yaml:"job"`
	From int `yaml:"from"`
	To   int `yaml:"to"`
}

func (s Script) validate(refuse refuse) {
	first := func(key string, job int) {
		if job < 1 {
			refuse("%s: there is no job %d; the first is 1", key, job)
		}
	}
	for _, n := range slices.Concat(s.Partial, s.Failed, s.Endless) {
		first("script", n)
	}
	for _, x := range s.Stalled {
		first("script.stalled", x.Job)
		if x.For <= 0 {
			refuse("script.stalled: job %d for %v; give it a time", x.Job, x.For)
		}
		if x.Progress != "" && !slices.Contains(progresses, x.Progress) {
			refuse("script.stalled: progress %q is unknown; use %s", x.Progress, strings.Join(progresses, ", "))
		}
	}
	for _, x := range s.Unknown {
		first("script.unknown", x.Job)
		if x.Word == "" || x.For < 0 {
			refuse("script.unknown: job %d says %q for %v; give it a word, and a time or 0", x.Job, x.Word, x.For)
		}
	}
	for _, x := range s.Vanished {
		first("script.vanished", x.Job)
		if x.After < 0 {
			refuse("script.vanished: job %d after %v; use 0 or more", x.Job, x.After)
		}
	}
	for _, x := range s.Gone {
		if x.Job < 1 || x.Pages < 1 {
			refuse("script.gone: job %d after %d pages; both start at 1", x.Job, x.Pages)
		}
	}
	for _, x := range s.Expires {
		if x.Job < 1 || x.Pages < 1 {
			refuse("script.expires: job %d after %d pages; both start at 1", x.Job, x.Pages)
		}
	}
	for _, x := range s.Loops {
		first("script.loops", x.Job)
		if x.To < 2 || x.From < x.To {
			refuse("script.loops: job %d from page %d to %d; only 2 and later have a token, and to is not behind from", x.Job, x.From, x.To)
		}
	}
}

// plot is what the script has for one job.
type plot struct {
	partial, failed, endless bool

	stalled  Stalled
	unknown  Unknown
	vanished *Vanished
	gone     int // pages; 0 for a job that stays
	expires  int // pages; 0 for a result that stays
	loop     Loop
}

// plot returns what happens to the job, and the kinds of faults that strike it by that.
// Those that strike requests are counted when they do.
func (s Script) plot(job int) (p plot, faults []string) {
	strike := func(jobs []int, fault string) bool {
		hit := slices.Contains(jobs, job)
		if hit {
			faults = append(faults, fault)
		}
		return hit
	}
	p.failed = strike(s.Failed, faultFailed)
	p.partial = !p.failed && strike(s.Partial, faultPartial)
	p.endless = strike(s.Endless, faultEndless)
	for _, x := range s.Stalled {
		if x.Job == job {
			p.stalled = x
			faults = append(faults, faultStalled)
		}
	}
	for _, x := range s.Unknown {
		if x.Job == job {
			p.unknown = x
			faults = append(faults, faultUnknown)
		}
	}
	for _, x := range s.Vanished {
		if x.Job == job {
			p.vanished = &x
		}
	}
	for _, x := range s.Gone {
		if x.Job == job {
			p.gone = x.Pages
		}
	}
	for _, x := range s.Expires {
		if x.Job == job {
			p.expires = x.Pages
		}
	}
	for _, x := range s.Loops {
		if x.Job == job {
			p.loop = x
		}
	}
	return p, faults
}
