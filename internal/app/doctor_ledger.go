package app

import (
	"context"
	"time"

	"convstream/internal/app/config"
	"convstream/internal/conv"
	"convstream/internal/plan"
	"convstream/producer"
)

// unitPatience bounds the reading of a day's rows.
const unitPatience = time.Minute

// pipeline looks into the ledger: who owns the pipeline, and whether the platform counts what
// the topic holds, once there is a ledger.
func (d *doctor) pipeline(ctx context.Context, p *process) {
	if !d.begun {
		return
	}
	r, err := p.reader(d.cfg)
	if err != nil {
		d.fail("ledger", "%w", err)
		return
	}
	defer r.Close()
	reading, cancel := context.WithTimeout(ctx, doctorPatience)
	defer cancel()
	ledger, err := r.Ledger(reading)
	if err != nil {
		d.fail("ledger", "%w", err)
		return
	}
	switch c := ledger.Claim; {
	case c == nil:
		d.ok("ledger", "no run has claimed the pipeline yet")
		return
	case c.Released:
		d.ok("ledger", "%d windows; the pipeline is free, run %s was its last owner", len(ledger.Windows), c.Run)
	default:
		d.ok("ledger", "%d windows; run %s (host %s, pid %d) owns the pipeline, or has crashed: its last heartbeat was %s ago",
			len(ledger.Windows), c.Run, c.Host.Name, c.Host.PID, time.Since(time.UnixMilli(c.Heartbeat)).Round(time.Second))
	}
	day, ok := settledDay(ledger.Windows)
	if !ok {
		d.ok("unit", "no whole day is settled yet, so what the platform counts cannot be compared")
		return
	}
	d.unit(ctx, r, ledger.Windows, day)
}

// settledDay is the newest UTC day of which the ledger calls every window settled.
func settledDay(ledger plan.Ledger) (day conv.Window, ok bool) {
	var settled []conv.Window
	newest := conv.Window{}
	for w, cp := range ledger {
		if cp.State.Closed() {
			settled = append(settled, w)
			if w.To > newest.To {
				newest = w
			}
		}
	}
	if len(settled) == 0 {
		return conv.Window{}, false
	}
	length := (24 * time.Hour).Milliseconds()
	last := plan.Days(conv.Window{From: newest.To - 1, To: newest.To})
	const tried = 366 // days: who has none in a year may look for himself
	for i := range int64(tried) {
		day := conv.Window{From: last.From - i*length, To: last.To - i*length}
		if len(plan.Uncovered(day, settled)) == 0 {
			return day, true
		}
	}
	return conv.Window{}, false
}

// unit compares the platform's count of a settled day with the rows and the conversations
// that the topic holds of it, to see which of the two the platform counts.
func (d *doctor) unit(ctx context.Context, r *producer.Reader, ledger plan.Ledger, day conv.Window) {
	const check = "unit"
	source, err := newSource(d.cfg)
	if err != nil {
		d.fail(check, "%w", err)
		return
	}
	ctx, cancel := context.WithTimeout(ctx, unitPatience)
	defer cancel()
	expected, err := source.Baseline(ctx, day)
	if err != nil {
		d.refused(check, err)
		return
	}
	t := newTally(d.cfg.Source.Org, d.cfg.Source.Dialect == config.DialectJobs, []conv.Window{day})
	topics := d.cfg.Kafka.Topics
	err = r.Records(ctx, topics.DLQ, begins(ledger, topics.DLQ, day), t.deadLetter)
	if err == nil {
		err = r.Records(ctx, topics.Conversations, begins(ledger, topics.Conversations, day), t.row)
	}
	if err != nil {
		d.warn(check, "the day from %s could not be counted: %w", conv.FormatInstant(day.From), err)
		return
	}
	t.end()
	d.judgeUnit(day, expected, t.held[0], t.callers[0]+t.dead[0])
}

// begins is the first offset in each partition of a topic at which rows of a day may lie.
func begins(ledger plan.Ledger, topic string, day conv.Window) map[int32]int64 {
	from := map[int32]int64{}
	for _, cp := range ledger {
		if cp.StoredMin == nil || cp.StoredMax == nil || *cp.StoredMin >= day.To || *cp.StoredMax < day.From {
			continue
		}
		for _, r := range cp.Ranges {
			if first, known := from[r.Partition]; r.Topic == topic && (!known || r.First < first) {
				from[r.Partition] = r.First
			}
		}
	}
	return from
}

// judgeUnit says what the platform counts. Rows and conversations both hold the dead letters.
func (d *doctor) judgeUnit(day conv.Window, expected, rows, conversations int64) {
	const check = "unit"
	at := conv.FormatInstant(day.From)
	switch {
	case expected == rows && rows == conversations:
		d.ok(check, "the platform counts %d on the day from %s, and so many rows and conversations the topic holds", expected, at)
	case expected == rows:
		d.ok(check, "the platform counts rows: %d on the day from %s, as the topic holds, of %d conversations", expected, at, conversations)
	case expected == conversations:
		d.warn(check, "the platform counts conversations: %d on the day from %s, and the topic holds %d rows of as many; "+
			"windows look as if they held too much: compare the conversations of convstream reconcile, and set window.reconcile: false", expected, at, rows)
	default:
		d.warn(check, "the platform counts %d on the day from %s, and the topic holds %d rows of %d conversations: "+
			"convstream reconcile shows where they differ", expected, at, rows, conversations)
	}
}
