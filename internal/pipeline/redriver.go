package pipeline

import (
	"math"
	"slices"

	"convstream/dedupe"
	"convstream/internal/conv"
)

const (
	// A batch of redriven letters is handed over when it speaks of so many windows, each of which
	// has a checkpoint in it, or is done with so many letters that weigh nothing else in it.
	mostWindows = 64
	mostDone    = 10_000
)

// Why a letter does not hold a row to publish, beside what conv.Letter.Unfit says.
const (
	noWindow = "the ledger does not know the window that brought it"
	noRow    = "its bytes are no row"
	noMark   = "it is a letter of a derived route, and has no mark"
	noRoute  = "its route is not configured"
)

// redriver publishes dead letters again. It works as a window's worker does, on whichever
// window brought the letter: worker.cp is that window's while the letter is decided.
type redriver struct {
	*worker
	run     *redriving
	windows map[conv.Window]*conv.Checkpoint // as they stand once the open batch is committed
	touched []conv.Window                    // windows that the open batch changes
	leaves  []conv.Window                    // the windows of the ledger that have no children, in order
	longest int64                            // of them, ms
	checked int64                            // windows from here on are known to be kept by Kafka

	done [outcomes][]conv.LetterID // what the open batch is done with
}

func (e *epoch) redriver(run *redriving) *redriver {
	r := &redriver{worker: e.worker(conv.Window{}), run: run, windows: map[conv.Window]*conv.Checkpoint{}, checked: math.MaxInt64}
	for w, cp := range e.ledger.all() {
		if len(cp.Nested) == 0 {
			r.leaves = append(r.leaves, w)
			r.longest = max(r.longest, w.To-w.From)
		}
	}
	slices.SortFunc(r.leaves, conv.Window.Compare)
	return r
}

// rowOf reads the row of a letter, or says why that cannot be done.
func (r *redriver) rowOf(l *conv.Letter) (row conv.Row, impossible string) {
	switch {
	case l.Unfit != "":
		return row, l.Unfit
	case r.window(l.Window) == nil:
		return row, noWindow
	case l.Route != "" && l.Mark == nil:
		return row, noMark
	case l.Route != "" && r.routeOf(l) == nil:
		return row, noRoute
	}
	row, err := r.run.Parse(l.Raw)
	if err != nil {
		return row, noRow
	}
	row.Redacted = l.Redacted
	return row, ""
}

// window is a window of the ledger as it stands once the open batch is committed, nil if the
// ledger does not know it.
func (r *redriver) window(w conv.Window) *conv.Checkpoint {
	cp := r.windows[w]
	if cp == nil && r.ledger.has(w) {
		begun := r.ledger.at(w)
		cp = &begun
		r.windows[w] = cp
	}
	return cp
}

func (r *redriver) routeOf(l *conv.Letter) *Route {
	for i := range r.cfg.Routes {
		if r.cfg.Routes[i].Name == l.Route {
			return &r.cfg.Routes[i]
		}
	}
	return nil
}

// decide publishes the row of a letter, unless it still breaks its contract, or is there.
func (r *redriver) decide(l *conv.Letter, row *conv.Row) (became outcome, reject *conv.Reject, err error) {
	if l.Window.From < r.checked {
		if err := r.kafka.CheckRetention(r.ctx, l.Window.From); err != nil {
			return 0, nil, err
		}
		r.checked = l.Window.From
	}
	cp := r.window(l.Window)
	r.cp, r.page = *cp, l.Page
	b := r.open()
	b.Origin = &conv.Origin{Letter: l.ID, Window: l.Window, Root: l.Root}
	if l.Route != "" {
		became, reject, err = r.again(b, l, row)
	} else {
		became, reject, err = r.afresh(b, l, row)
	}
	if err == nil && reject == nil {
		*cp = r.cp
		r.touch(l.Window)
	}
	return became, reject, err
}

// afresh publishes a row that no topic has: in the row topic, and in those of the derived routes
// that take it.
func (r *redriver) afresh(b *conv.Batch, l *conv.Letter, row *conv.Row) (became outcome, reject *conv.Reject, err error) {
	start := len(b.Buf)
	b.Buf = append(b.Buf, row.ConversationID...)
	mid := len(b.Buf)
	mark, reject := r.judge(b, row, mid)
	if reject != nil {
		b.Buf = b.Buf[:start]
		return 0, reject, nil
	}
	mark.Observation = l.Observation // what the letter says is as old as its job
	verdict, err := r.verdict(b, row, mark)
	if err != nil {
		b.Buf = b.Buf[:start]
		return 0, nil, err
	}
	r.cp.Counters.Invalid--
	r.cp.Counters.Redriven++
	if verdict != dedupe.New && verdict != dedupe.Revision {
		b.Buf = b.Buf[:start]
		r.cp.Counters.Duplicates++
		return superseded, nil, nil
	}
	b.Add(start, mid, row.Time, *mark)
	r.cp.Stored(row.Time)
	r.cp.Counters.Published++
	letters := len(b.Dead)
	if err := r.derive(b, row, l.Row, mark); err != nil { // only where rows are read again from staging
		return 0, nil, err
	}
	for i := range b.Dead[letters:] {
		b.Dead[letters+i].Job = l.Job
	}
	if verdict == dedupe.Revision {
		r.cp.Counters.Revisions++
	} else {
		r.uncount(row.Time)
	}
	return published, nil, nil
}

// again gives a row that is published to the derived route that refused it, unless newer
// content of it was published since: a reader of the route would take the older for the newest.
func (r *redriver) again(b *conv.Batch, l *conv.Letter, row *conv.Row) (became outcome, reject *conv.Reject, err error) {
	newer, err := r.newer(row, l.Mark)
	if err != nil {
		return 0, nil, err
	}
	taken := false
	if !newer {
		taken, reject = r.route(b, r.routeOf(l), row, l.Mark)
	}
	if reject != nil {
		return 0, reject, nil
	}
	counters := r.cp.Routes[l.Route]
	counters.Invalid--
	counters.Redriven++
	switch {
	case taken:
		became = published
		counters.Published++
	case newer:
		became = superseded
		counters.Filtered++
	default:
		became = filtered
		counters.Filtered++
	}
	r.cp.Routes[l.Route] = counters
	return became, nil, nil
}

// newer says whether a row was published, of whatever content, by a later job than a mark's: the
// route has had the content then, or a newer one, or a letter of it.
func (r *redriver) newer(row *conv.Row, mark *conv.Mark) (bool, error) {
	observation, held, err := r.newest(r.ctx, conv.RowKey(r.cfg.Org, row.ConversationID, *mark), mark.Time)
	return held && observation > mark.Observation, err
}

func (r *redriver) verdict(b *conv.Batch, row *conv.Row, mark *conv.Mark) (dedupe.Verdict, error) {
	return r.check(b, dedupe.Entry{
		Key:         conv.RowKey(r.cfg.Org, row.ConversationID, *mark),
		Time:        mark.Time,
		Fingerprint: mark.Fingerprint,
		Observation: mark.Observation,
	})
}

// uncount takes a row that is published now out of the dead letters that windows count as rows
// of theirs. More than one may: windows that were cut in different ways overlap, and it need
// not be the one that brought the letter, as neighbours share their edge.
func (r *redriver) uncount(ms int64) {
	first, _ := slices.BinarySearchFunc(r.leaves, ms-r.longest, func(w conv.Window, ms int64) int {
		if w.From < ms {
			return -1
		}
		return 1
	})
	for _, w := range r.leaves[first:] {
		if w.From > ms {
			return
		}
		cp := r.window(w)
		if w == r.cp.Window {
			cp = &r.cp
		}
		if !w.Contains(ms) || cp.DeadInside == 0 {
			continue
		}
		cp.DeadInside--
		if ms == w.From || ms == w.To-1 {
			cp.DeadOnBounds = max(0, cp.DeadOnBounds-1)
		}
		r.touch(w)
	}
}

// touch has the open batch hold the checkpoint of a window.
func (r *redriver) touch(w conv.Window) {
	if !slices.Contains(r.touched, w) {
		r.touched = append(r.touched, w)
	}
}

func (r *redriver) full() bool {
	done := 0
	for _, letters := range r.done {
		done += len(letters)
	}
	return len(r.touched) >= mostWindows || done >= mostDone ||
		r.batch != nil && r.batch.Size() >= r.cfg.Bytes
}

// flushLetters hands the open batch over. One that is done with no letter is kept.
func (r *redriver) flushLetters() error {
	if len(r.touched) == 0 {
		return nil
	}
	b := r.batch
	r.batch = nil
	r.age.Stop()
	for i, w := range r.touched {
		if cp := r.windows[w].Clone(); i == 0 {
			b.Checkpoint = cp
		} else {
			b.Others = append(b.Others, cp)
		}
	}
	run, done := r.run, r.done
	r.touched, r.done = nil, [outcomes][]conv.LetterID{}
	if run.rehearsal {
		return nil
	}
	for o, letters := range done {
		run.done[o].Put(run.done[o].With(letters))
	}
	return r.hand(b, false)
}
