package app

import (
	"slices"

	"github.com/twmb/franz-go/pkg/kgo"

	"convstream/internal/app/config"
	"convstream/internal/conv"
	"convstream/internal/plan"
	"convstream/producer"
)

// audit compares topics with the ledger. It reads every committed record of both topics,
// because a row that should not be there may be anywhere, one partition after the other: all
// that is said of a row stands in one partition, so only that partition's rows of the
// interval are kept. It shares no code with the dedupe history, which it is to check.
type audit struct {
	owner    string // pipeline/org
	org      string
	interval conv.Window
	ledger   map[conv.Window]conv.Checkpoint
	routes   []*routeAudit

	rows     map[conv.Window]int64 // records by the window that brought them
	dead     map[conv.Window]int64
	newest   map[conv.Key]sighting // what each row of the partition says, and where
	also     map[conv.Key][]uint64 // further contents of the same observation
	distinct int64
	doubles  []double
	doubled  int64
	foreign  int64
}

// sighting is a row's newest content so far.
type sighting struct {
	fingerprint uint64
	offset      int64
	observation uint32
}

// double is a record that says again what an earlier one said.
type double struct {
	Conversation string `json:"conversation"`
	Time         string `json:"time"`
	Partition    int32  `json:"partition"`
	First        int64  `json:"first_offset"`
	Second       int64  `json:"second_offset"`
}

// shownDoubles is how many doubles a report names.
const shownDoubles = 20

func newAudit(cfg config.Config, interval conv.Window, ledger map[conv.Window]conv.Checkpoint) *audit {
	return &audit{
		owner: cfg.Pipeline + "/" + cfg.Source.Org, org: cfg.Source.Org, interval: interval, ledger: ledger,
		rows: map[conv.Window]int64{}, dead: map[conv.Window]int64{},
		newest: map[conv.Key]sighting{}, also: map[conv.Key][]uint64{},
	}
}

// row takes one record of the row topic. Records of one key come in the order in which they
// were written, as they share a partition.
func (a *audit) row(r *kgo.Record) error {
	owner, window, err := producer.ParseWindowHeader(producer.Header(r, producer.WindowHeader))
	mark, broken := conv.ParseMark(producer.Header(r, conv.MarkHeader))
	if err != nil || broken != nil {
		a.foreign++ // not written by convstream
		return nil
	}
	if owner != a.owner {
		return nil // another pipeline shares the topic
	}
	a.rows[window]++
	if a.concerns(window, mark) {
		a.see(r, mark)
	}
	return nil
}

// concerns says whether a row that a window has brought is to be looked at. Of one that no
// window has, report judges.
func (a *audit) concerns(window conv.Window, mark conv.Mark) bool {
	_, known := a.ledger[window]
	return known && (a.interval.Contains(mark.Time) || window.Overlaps(a.interval))
}

// knows says whether the ledger has a window, now or behind the reading.
func (a *audit) knows(w conv.Window, after map[conv.Window]conv.Checkpoint) bool {
	_, before := a.ledger[w]
	_, now := after[w]
	return before || now
}

// see replays the rule of what a repeat is: the same content as the row's newest, or content
// of a job older than that.
func (a *audit) see(r *kgo.Record, m conv.Mark) {
	key := conv.RowKey(a.org, r.Key, m)
	have, known := a.newest[key]
	switch {
	case !known, m.Observation > have.observation && !a.says(key, have, m.Fingerprint):
		a.newest[key] = sighting{m.Fingerprint, r.Offset, m.Observation}
		delete(a.also, key)
	case m.Observation == have.observation && !a.says(key, have, m.Fingerprint):
		a.also[key] = append(a.also[key], m.Fingerprint)
	default:
		a.doubled++
		if len(a.doubles) < shownDoubles {
			a.doubles = append(a.doubles, double{string(r.Key), conv.FormatInstant(m.Time), r.Partition, have.offset, r.Offset})
		}
	}
}

func (a *audit) says(key conv.Key, have sighting, fingerprint uint64) bool {
	return have.fingerprint == fingerprint || slices.Contains(a.also[key], fingerprint)
}

// endPartition is called behind the last record of a partition.
func (a *audit) endPartition() {
	a.distinct += int64(len(a.newest))
	clear(a.newest)
	clear(a.also)
}

// deadLetter takes one record of the dead-letter topic.
func (a *audit) deadLetter(r *kgo.Record) error {
	owner, window, err := producer.ParseWindowHeader(producer.Header(r, producer.WindowHeader))
	if err != nil || owner != a.owner {
		return nil
	}
	if name := producer.Header(r, producer.RouteHeader); name == nil {
		a.dead[window]++
	} else if route := a.route(string(name)); route != nil {
		route.dead[window]++
	}
	return nil
}

// whole lists the windows of the ledger that hold all their rows. One that was left open and
// then covered by others, cut another way, is none the worse for it.
func (a *audit) whole() (windows []conv.Window) {
	for w, cp := range a.ledger {
		if cp.State.Whole() {
			windows = append(windows, w)
		}
	}
	return windows
}

// auditReport is what an audit found. --json prints it.
type auditReport struct {
	Windows     int           `json:"windows"`
	Distinct    int64         `json:"distinct"`     // rows
	Missing     int64         `json:"missing"`      // rows that the ledger counts and the topic lacks
	Doubled     int64         `json:"doubled"`      // records that repeat what is there
	Foreign     int64         `json:"foreign"`      // records that no window of the ledger has written
	DeadLetters int64         `json:"dead_letters"` // of the windows
	Balanced    bool          `json:"balanced"`     // fetched = published + duplicates + invalid, in each window, and likewise of each route
	Doubles     []double      `json:"doubles,omitempty"`
	Off         []offWindow   `json:"off,omitempty"`
	Incomplete  []conv.Window `json:"incomplete"`

	Routes []*routeReport `json:"routes,omitempty"`

	waiting int64 // dead letters that were not redriven, as the ledger says
}

// offWindow is a window whose records are not as many as the ledger counts.
type offWindow struct {
	Window      conv.Window `json:"window"`
	Published   int64       `json:"published"`
	Rows        int64       `json:"rows"`
	Invalid     int64       `json:"invalid"` // and those that were redriven
	DeadLetters int64       `json:"dead_letters"`
}

// report says what was found. after is the ledger as it stands behind the reading: a window
// that moved meanwhile is being written, and is not judged.
func (a *audit) report(after map[conv.Window]conv.Checkpoint) auditReport {
	for w, rows := range a.rows {
		if !a.knows(w, after) {
			a.foreign += rows
		}
	}
	r := auditReport{
		Distinct: a.distinct, Doubled: a.doubled, Foreign: a.foreign, Balanced: true,
		Doubles: a.doubles, Incomplete: []conv.Window{},
	}
	for _, route := range a.routes {
		r.Routes = append(r.Routes, route.begin(after))
	}
	whole := a.whole()
	for _, w := range plan.Spans(a.interval, a.ledger) {
		cp, known := a.ledger[w]
		moved := after[w].Seq != cp.Seq
		if !known || moved || !cp.State.Whole() && len(plan.Uncovered(w, whole)) > 0 {
			r.Incomplete = append(r.Incomplete, w)
		}
		if !known || moved {
			continue
		}
		r.Windows++
		r.DeadLetters += a.dead[w]
		r.waiting += cp.Counters.Invalid
		r.Balanced = r.Balanced && cp.Counters.Balanced()
		r.Missing += max(0, cp.Counters.Published-a.rows[w])
		if letters := cp.Counters.Invalid + cp.Counters.Redriven; cp.Counters.Published != a.rows[w] || letters != a.dead[w] {
			r.Off = append(r.Off, offWindow{w, cp.Counters.Published, a.rows[w], letters, a.dead[w]})
		}
		for i, route := range a.routes {
			balanced := route.add(r.Routes[i], &cp)
			r.Balanced = r.Balanced && balanced
		}
	}
	return r
}
