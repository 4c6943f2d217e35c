package simulator

import (
	"bufio"
	"iter"
	"net/http"
	"strconv"
	"time"

	"convstream/internal/conv"
)

// Truth returns the true rows of the window, in the order of their times, as a job of the
// dialect reports submitted now would see them, and as a contract for their columns publishes
// them. Invalid ones are not among them.
func (s *Simulator) Truth(w conv.Window) iter.Seq[Row] {
	v := s.look()
	w = v.before(w)
	return func(yield func(Row) bool) {
		for i := s.world.first(w.From); i < s.world.rows; i++ {
			r := s.world.row(i, v)
			if r.Time >= w.To {
				return
			}
			if s.world.hides(i, v) || r.Poison != "" {
				continue
			}
			if !yield(s.world.published(r)) {
				return
			}
		}
	}
}

// Count returns how many rows Truth has of the window.
func (s *Simulator) Count(w conv.Window) int {
	v := s.look()
	w = v.before(w)
	lo, hi := s.world.first(w.From), s.world.first(w.To)
	n := hi - lo - s.world.absences.between(lo, hi, v)
	return max(0, n-s.world.wrong(lo, hi, v))
}

// look is what a job submitted now would see.
func (s *Simulator) look() view {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.view()
}

// all is Truth with the poison rows, each where it was placed.
func (s *Simulator) all(w conv.Window) iter.Seq[Row] {
	v := s.look()
	return func(yield func(Row) bool) {
		rows := s.world.placed(v.before(w))
		for pos := rows.lo; pos < rows.hi; pos++ {
			if r, there := s.world.element(pos, v); there && !yield(s.world.published(r)) {
				return
			}
		}
	}
}

// routeSelf serves what the simulator tells of itself.
func (s *Simulator) routeSelf() {
	s.mux.HandleFunc("GET /_sim/truth", s.serveTruth)
	s.mux.HandleFunc("GET /_sim/truth/count", s.serveCount)
	s.mux.HandleFunc("GET /_sim/stats", func(w http.ResponseWriter, _ *http.Request) {
		writeJSON(w, http.StatusOK, s.Stats())
	})
}

// question is what a request for the truth asks.
type question struct {
	window  conv.Window
	dialect Dialect
	poison  bool // with those that are not true
}

func (s *Simulator) serveTruth(w http.ResponseWriter, r *http.Request) {
	q, refusal := s.asked(r)
	if refusal != nil {
		refusal.write(w)
		return
	}
	w.Header().Set("Content-Type", "application/x-ndjson")
	out := bufio.NewWriterSize(w, chunk)
	for line := range s.lines(q) {
		if _, err := out.Write(append(line, '\n')); err != nil {
			return // the client is gone
		}
	}
	_ = out.Flush()
}

// lines are the truth that was asked for. Each is good until the next one.
func (s *Simulator) lines(q question) iter.Seq[[]byte] {
	return func(yield func([]byte) bool) {
		var buf []byte
		if q.dialect == Jobs {
			for c := range s.conversations(q.window, q.poison) {
				if buf = appendConversation(buf[:0], &c); !yield(buf) {
					return
				}
			}
			return
		}
		rows := s.Truth(q.window)
		if q.poison {
			rows = s.all(q.window)
		}
		for row := range rows {
			if buf = appendTruth(buf[:0], &row); !yield(buf) {
				return
			}
		}
	}
}

func (s *Simulator) serveCount(w http.ResponseWriter, r *http.Request) {
	q, refusal := s.asked(r)
	if refusal != nil {
		refusal.write(w)
		return
	}
	v, n := s.look(), s.Count(q.window) // of either dialect
	switch w := v.before(q.window); {
	case q.poison && q.dialect == Reports:
		n = s.world.count(s.world.placed(w), v)
	case q.poison:
		n += s.world.wrong(s.world.first(w.From), s.world.first(w.To), v)
	}
	writeJSON(w, http.StatusOK, count{n})
}

// asked reads ?dialect=&from=&to=&poison=. The bounds are RFC 3339 or dates, and default to
// the whole; the dialect defaults to reports.
func (s *Simulator) asked(r *http.Request) (question, *apiError) {
	form := r.URL.Query()
	q := question{window: s.cfg.Window, dialect: Reports, poison: form.Get("poison") == "1"}
	if d := Dialect(form.Get("dialect")); d == Jobs {
		q.dialect = d
	} else if d != "" && d != Reports {
		refusal := invalid("dialect", "%q is neither %s nor %s", d, Reports, Jobs)
		return q, &refusal
	}
	for name, bound := range map[string]*int64{"from": &q.window.From, "to": &q.window.To} {
		text := form.Get(name)
		if text == "" {
			continue
		}
		t, err := time.Parse(time.RFC3339, text)
		if err != nil {
			t, err = time.Parse(time.DateOnly, text)
		}
		if err != nil {
			refusal := invalid(name, "%q is neither an RFC 3339 instant nor a date", text)
			return q, &refusal
		}
		*bound = t.UnixMilli()
	}
	return q, nil
}

// appendConversation writes the times as numbers, null for none, beside the whole.
func appendConversation(dst []byte, c *Conversation) []byte {
	dst = c.ID.append(append(dst, `{"conversationId":"`...))
	dst = strconv.AppendInt(append(dst, `","start_ms":`...), c.Start, 10)
	dst = append(dst, `,"end_ms":`...)
	if c.Ended {
		dst = strconv.AppendInt(dst, c.End, 10)
	} else {
		dst = append(dst, "null"...)
	}
	dst = append(append(dst, `,"conversation":`...), c.Body...)
	if c.Poison != "" {
		dst = appendText(append(dst, `,"poison":`...), string(c.Poison))
	}
	return append(dst, '}')
}

// appendTruth writes every column, null for none, so that a line can be compared without
// knowing how pages leave things out.
func appendTruth(dst []byte, r *Row) []byte {
	dst = r.InteractionID.append(append(dst, `{"interaction.id":"`...))
	dst = append(dst, `","conversation.id":`...)
	if r.ConversationID == (ID{}) {
		dst = append(dst, "null"...)
	} else {
		dst = append(r.ConversationID.append(append(dst, '"')), '"')
	}
	dst = strconv.AppendInt(append(dst, `,"timestamp_ms":`...), r.Time, 10)
	dst = appendText(append(dst, `,"interaction.type":`...), r.Type)
	dst = appendText(append(dst, `,"attributes.custom.customer_segment":`...), r.Segment)
	dst = appendText(append(dst, `,"attributes.custom.case_priority":`...), r.Priority)
	dst = appendMetric(append(dst, `,"metrics.queuetime.ms":`...), r.Queue)
	dst = appendMetric(append(dst, `,"metrics.handledtime.ms":`...), r.Handled)
	if r.Poison != "" {
		dst = appendText(append(dst, `,"poison":`...), string(r.Poison))
	}
	return append(dst, '}')
}

func appendMetric(dst []byte, value int64) []byte {
	if value == none {
		return append(dst, "null"...)
	}
	return strconv.AppendInt(dst, value, 10)
}
