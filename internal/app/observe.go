package app

import (
	"cmp"
	"maps"
	"sync"
	"time"

	"convstream/extractor"
	"convstream/internal/conv"
	"convstream/internal/pipeline"
)

// extractorHooks logs what happens on the way to the platform.
func (p *process) extractorHooks() extractor.Hooks {
	var told sync.Map // ids of the jobs whose other place for the results stands in the log
	return extractor.Hooks{
		Polled: func(w conv.Window, job conv.Job, s conv.JobStatus, n int, since time.Duration) {
			p.log.Info().Stringer("window", w).Str("job", job.ID).Str("status", s.Word).Float64("progress", s.Progress).
				Int("poll", n).Float64("seconds", since.Seconds()).Msg("job polled")
			if s.Results != "" {
				if _, before := told.LoadOrStore(job.ID, nil); !before {
					p.log.Warn().Stringer("window", w).Str("job", job.ID).Str("results", s.Results).Msg("the platform names another place for the results; it is not followed")
				}
			}
			if s.State.Ended() {
				told.Delete(job.ID) // it is polled no more
			}
		},
		UnknownState: func(w conv.Window, job conv.Job, s conv.JobStatus) {
			p.log.Warn().Stringer("window", w).Str("job", job.ID).Str("status", s.Word).Msg("a status that is none of the platform's; polling goes on")
		},
		Retrying: func(op extractor.Op, w conv.Window, wait time.Duration, err error) {
			e := p.log.Warn().Str("call", string(op)).Int64("wait_ms", wholeMS(wait)).Err(err)
			if w != (conv.Window{}) {
				e = e.Stringer("window", w)
			}
			e.Msg("call is tried again")
		},
		PageRead: func(w conv.Window, job conv.Job, at conv.Position, facts conv.PageFacts) {
			p.log.Debug().Stringer("window", w).Str("job", job.ID).Int("page", at.Page).Int("rows", at.Row).
				Int64("bytes", facts.Bytes).Msg("page read")
			if facts.Bytes > largePage {
				p.log.Warn().Stringer("window", w).Str("job", job.ID).Int("page", at.Page).Int64("bytes", facts.Bytes).
					Msg("a response above 200 MB; a lower source.limit or a shorter window.step makes smaller ones")
			}
		},
		CancelRefused: func(job conv.Job, err error) {
			p.log.Warn().Str("job", job.ID).Err(err).Msg("the platform did not abort the job; it may go on running there")
		},
	}
}

// largePage is the size of a response that is worth a warning, in bytes.
const largePage = 200_000_000

// pipelineEvents logs what a pipeline does.
func (p *process) pipelineEvents() pipeline.Events {
	var idle *time.Time // until when it is said to be; Claimed and Idle come from one goroutine
	return pipeline.Events{
		Claimed: func(windows int) {
			idle = nil
			p.log.Info().Int("windows", windows).Msg("pipeline claimed")
		},
		Recovering: func(err error, wait time.Duration) {
			p.log.Warn().Err(err).Int64("wait_ms", wholeMS(wait)).Msg("commit failed; the ledger will tell what became of it")
		},
		Submitted: func(w conv.Window, job conv.Job, attempt int) {
			p.log.Info().Stringer("window", w).Str("job", job.ID).Int("attempt", attempt).Msg("job submitted")
		},
		Ended: func(w conv.Window, job conv.Job, s conv.JobStatus) {
			e := p.log.Info().Stringer("window", w).Str("job", job.ID).Str("status", s.Word)
			if s.Error != "" {
				e = e.Str("error", s.Error)
			}
			e.Msg("job ended")
		},
		Retrying: func(w conv.Window, reason string, wait time.Duration) {
			p.log.Warn().Stringer("window", w).Str("reason", reason).Int64("wait_ms", wholeMS(wait)).Msg("window gets another job")
		},
		Loaded: func(span string, rows int, took time.Duration) {
			p.log.Info().Str("window", span).Int("rows", rows).Int64("took_ms", wholeMS(took)).Msg("history read back from Kafka")
		},
		Committed: func(cp conv.Checkpoint, rows, dead int, took time.Duration) {
			p.log.Debug().Stringer("window", cp.Window).Uint64("checkpoint", cp.Seq).Int("rows", rows).Int("dead_letters", dead).
				Int64("took_ms", wholeMS(took)).Msg("batch committed")
		},
		Refused: func(route, reason string, n int64) {
			p.metrics.letters.WithLabelValues(cmp.Or(route, primaryRoute), reason).Add(float64(n))
		},
		Closed: func(cp conv.Checkpoint) {
			e := p.log.Info()
			refused := cp.Counters.Invalid
			for _, c := range cp.Routes {
				refused += c.Invalid
			}
			if cp.LastError != "" || refused > 0 {
				e = p.log.Warn()
			}
			e = e.Stringer("window", cp.Window).Str("state", string(cp.State)).Int64("fetched", cp.Counters.Fetched).
				Int64("published", cp.Counters.Published).Int64("duplicates", cp.Counters.Duplicates).
				Int64("revisions", cp.Counters.Revisions).Int64("invalid", cp.Counters.Invalid)
			if cp.Expected != nil {
				e = e.Int64("expected", *cp.Expected)
			}
			if len(cp.Routes) > 0 {
				e = e.Interface("routes", cp.Routes)
			}
			if cp.DriftMore > 0 {
				e = e.Int64("further_drift", cp.DriftMore)
			}
			if cp.LastError != "" {
				e = e.Str("reason", cp.LastError)
			}
			e.Msg("window closed")
		},
		Noted:   p.noted,
		Drifted: p.drifted,
		Idle: func(next time.Time) {
			if idle != nil && idle.Equal(next) {
				return // it has been said
			}
			idle = &next
			e := p.log.Info()
			if next.IsZero() {
				e.Msg("nothing to do until the platform has more data")
				return
			}
			e.Str("until", conv.FormatInstant(next.UnixMilli())).Msg("nothing to do")
		},
	}
}

// noted logs and counts what a person may want to see: as an error if somebody is to be
// called, and as a warning if not.
func (p *process) noted(e conv.Event) {
	p.metrics.count(e)
	if e.Kind == "drift" {
		return // the log had it at the first sighting
	}
	entry, message := p.log.Warn(), "event"
	if severityOf(e) == severityAlert {
		entry, message = p.log.Error(), "alert"
	}
	entry = entry.Str("kind", e.Kind)
	if e.Window != nil {
		entry = entry.Stringer("window", e.Window)
	}
	detail := maps.Clone(e.Detail)
	delete(detail, "conversations") // their ids stand in the events topic; a log tells how many
	entry.Interface("detail", detail).Msg(message)
}

// drifted warns of a field in which rows of a window depart from the contract, and counts it.
func (p *process) drifted(w conv.Window, d conv.Drift) {
	p.metrics.drift.WithLabelValues(string(d.Kind)).Inc()
	e := p.log.Warn().Stringer("window", w)
	if d.Route != "" {
		e = e.Str("route", d.Route)
	}
	e.Str("kind", string(d.Kind)).Str("field", d.Field).Str("expected", d.Expected).Str("found", d.Found).
		Str("job", d.Job).Int("page", d.Page).Int("row", d.Row).Msg("rows depart from the contract")
}
