package plan

import (
	"math"
	"slices"
	"time"

	"convstream/internal/conv"
)

// Load is what a run has before it.
type Load struct {
	Windows   int           // to be read
	Submits   int           // those of them that have no job yet
	First     conv.Window   // of these, in order of time
	Counts    int           // how often the platform is asked for its own count
	Watermark bool          // the platform is asked how far its data reach before it is given a job
	Length    time.Duration // of the windows to be read
	Rows      int64         // of these, -1 where nobody knows
	PageRows  int64         // rows of one page, 0 where the platform alone decides
}

// Course is what a run does with the windows that it is given.
type Course struct {
	Schedule
	Query   string          // hash of the jobs' query: a job of another one is not read
	Narrow  []time.Duration // what a window is cut into whose count is above what one job may bring
	Counted bool            // the platform has counts to compare with
}

// Load is what a run has before it that is given these windows, each as the ledger has it, at
// a time in epoch ms by the platform's clock. It is the least: no job is pushed back, fails or
// lacks rows.
func (c Course) Load(windows []conv.Window, ledger Ledger, now int64) Load {
	l := Load{Watermark: c.Conversations, Rows: -1}
	var whole []conv.Window // once the run is over
	days := map[conv.Window]bool{}
	for _, root := range windows {
		for _, w := range c.pieces(root, ledger) {
			cp := ledger[w]
			if cp.State.Closed() {
				continue
			}
			if reads, adopts := c.reads(w, &cp, now); reads {
				l.read(w, adopts)
				if !adopts && c.foresees(w) {
					l.Counts++
				}
			}
			whole = append(whole, w)
			if !c.Conversations && c.Compare && c.Counted {
				l.Counts++
			}
			days[Days(w)] = true
		}
	}
	if c.Conversations && c.Compare && c.Counted {
		for w, cp := range ledger {
			if cp.State.Whole() {
				whole = append(whole, w)
			}
		}
		l.Counts = covered(days, whole)
	}
	return l
}

func (l *Load) read(w conv.Window, adopts bool) {
	l.Windows++
	l.Length += w.Duration()
	if adopts {
		return
	}
	if l.Submits == 0 {
		l.First = w
	}
	l.Submits++
}

// pieces lists the windows that are worked on in the place of one: its leaves, and what an
// incomplete one is cut into because the step is shorter now.
func (c Course) pieces(root conv.Window, ledger Ledger) []conv.Window {
	var pieces []conv.Window
	for _, w := range Leaves(root, ledger) {
		if ledger[w].State == conv.Incomplete && w.Duration() > c.Step {
			pieces = append(pieces, Cut(w, c.Step)...)
		} else {
			pieces = append(pieces, w)
		}
	}
	return pieces
}

// reads says whether a window has to be read, and whether that is from the job that it has.
func (c Course) reads(w conv.Window, cp *conv.Checkpoint, now int64) (reads, adopts bool) {
	settles := c.Settles(w)
	switch {
	case cp.State == conv.Submitted || cp.State == conv.Paging:
		return true, cp.Query == c.Query && cp.Job.ID != ""
	case !cp.State.Whole(), cp.State == conv.Reconciled:
		return true, false
	}
	return c.Conversations && cp.Job.PlatformTime < settles && settles <= now, false
}

// foresees says whether the platform is asked for a window's count before it is given a job.
func (c Course) foresees(w conv.Window) bool {
	return c.Compare && c.Counted && !c.Conversations && Narrow(w, c.Narrow) != nil
}

// covered counts the stretches that windows cover whole.
func covered(stretches map[conv.Window]bool, windows []conv.Window) (n int) {
	if len(stretches) == 0 {
		return 0
	}
	all := conv.Window{From: math.MaxInt64, To: math.MinInt64}
	for s := range stretches {
		all = conv.Window{From: min(all.From, s.From), To: max(all.To, s.To)}
	}
	gaps := Uncovered(all, windows)
	for s := range stretches {
		if !slices.ContainsFunc(gaps, s.Overlaps) {
			n++
		}
	}
	return n
}

// Pace is how fast a run may go.
type Pace struct {
	RequestsPerMinute int
	Windows           int // in flight
	Initial           time.Duration
	Max               time.Duration // waits between polls double from Initial to Max
	Jitter            time.Duration // each is longer by a random time up to this
}

// Cost is what a load takes at a pace. It is the least that it takes if no job is pushed
// back, fails or lacks rows.
type Cost struct {
	Submits   int64
	Polls     int64
	Pages     int64
	Counts    int64
	Watermark int64
	Tokens    int64
	Time      time.Duration
}

// AssumedPolls is at which poll a job is assumed to have ended.
const AssumedPolls = 2

// tokenLives is how long the platform's access tokens live unless a client is set up
// otherwise.
const tokenLives = 24 * time.Hour

// Requests is the number of all requests.
func (c Cost) Requests() int64 {
	return c.Submits + c.Polls + c.Pages + c.Counts + c.Watermark + c.Tokens
}

// Cost is what the load takes at a pace, whose members are all above 0 but for Jitter.
func (l Load) Cost(p Pace) Cost {
	if l.Windows == 0 && l.Counts == 0 {
		return Cost{}
	}
	c := Cost{
		Submits: int64(l.Submits),
		Polls:   AssumedPolls * int64(l.Windows),
		Pages:   int64(l.Windows),
		Counts:  int64(l.Counts),
		Tokens:  1,
	}
	if l.PageRows > 0 && l.Rows > 0 {
		// The rows do not end where windows do: half a page is lost at the end of each.
		c.Pages = max(c.Pages, int64(math.Ceil(float64(l.Rows)/float64(l.PageRows)+float64(l.Windows)/2)))
	}
	if l.Watermark {
		// Those that are submitted at once all ask; the others know the answer.
		c.Watermark = int64(min(l.Submits, p.Windows))
	}
	rounds := (l.Windows + p.Windows - 1) / p.Windows
	c.Time = max(time.Duration(rounds)*p.job(), c.budget(p))
	c.Tokens = 1 + int64(c.Time/tokenLives)
	return c
}

// job is how long a job takes that has ended at the assumed poll.
func (p Pace) job() time.Duration {
	var took time.Duration
	wait := p.Initial
	for range AssumedPolls {
		took += wait + p.Jitter/2
		wait = min(2*wait, p.Max)
	}
	return took
}

// budget is how long the requests take if nothing but their budget holds them up.
func (c Cost) budget(p Pace) time.Duration {
	return time.Duration(float64(c.Requests()) / float64(p.RequestsPerMinute) * float64(time.Minute))
}

// dayLength is a UTC day in milliseconds.
const dayLength = int64(24 * time.Hour / time.Millisecond)

// Samples picks stretches of a window, at most n of them and none longer than longest, from
// which to tell how many rows it has: all of it where that is enough, and else stretches
// spread over it evenly, whole days apart from its start.
func Samples(w conv.Window, n int, longest time.Duration) []conv.Window {
	width := longest.Milliseconds()
	var samples []conv.Window
	if length := w.To - w.From; length <= int64(n)*width {
		for from := w.From; from < w.To; from += width {
			samples = append(samples, conv.Window{From: from, To: min(from+width, w.To)})
		}
		return samples
	}
	for i := range int64(n) {
		from := w.From + floor((w.To-w.From-width)*i/max(1, int64(n)-1), dayLength)
		samples = append(samples, conv.Window{From: from, To: from + width})
	}
	return samples
}

// Counted is a stretch of time with the number of its rows.
type Counted struct {
	Window conv.Window
	Rows   int64
}

// Extrapolate says how many rows a stretch of such length has if it is as full as the
// samples on average; -1 where there are none.
func Extrapolate(samples []Counted, over time.Duration) int64 {
	var rows, ms float64
	for _, s := range samples {
		rows += float64(s.Rows)
		ms += float64(s.Window.To - s.Window.From)
	}
	if ms == 0 {
		return -1
	}
	return int64(math.Round(rows / ms * float64(over.Milliseconds())))
}
