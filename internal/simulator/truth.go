package simulator

import (
	"encoding/json"
	"iter"
	"net/http"
	"strconv"
	"time"

	"convstream/internal/conv"
)

// Truth returns the true rows of the window, in the order of their times, as a job
// submitted now would see them.
func (s *Simulator) Truth(w conv.Window) iter.Seq[Row] {
	s.mu.Lock()
	revised := s.revised()
	s.mu.Unlock()
	return func(yield func(Row) bool) {
		for i := s.world.first(w.From); i < s.world.rows; i++ {
			r := s.world.row(i, revised)
			if r.Time >= w.To || !yield(r) {
				return
			}
		}
	}
}

// Count returns how many true rows the window holds.
func (s *Simulator) Count(w conv.Window) int {
	return max(0, s.world.first(w.To)-s.world.first(w.From))
}

// all is Truth with the poison rows, each where it was placed.
func (s *Simulator) all(w conv.Window) iter.Seq[Row] {
	s.mu.Lock()
	revised := s.revised()
	s.mu.Unlock()
	return func(yield func(Row) bool) {
		rows := s.world.between(w)
		for pos := rows.lo; pos < rows.hi; pos++ {
			if !yield(s.world.element(pos, revised)) {
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

func (s *Simulator) serveTruth(w http.ResponseWriter, r *http.Request) {
	win, poison, refusal := s.asked(r)
	if refusal != nil {
		refusal.write(w)
		return
	}
	w.Header().Set("Content-Type", "application/x-ndjson")
	rows := s.Truth(win)
	if poison {
		rows = s.all(win)
	}
	buf := make([]byte, 0, chunk+chunk/8)
	for row := range rows {
		buf = append(appendTruth(buf, &row), '\n')
		if len(buf) >= chunk {
			if _, err := w.Write(buf); err != nil {
				return // the client is gone
			}
			buf = buf[:0]
		}
	}
	_, _ = w.Write(buf)
}

func (s *Simulator) serveCount(w http.ResponseWriter, r *http.Request) {
	win, poison, refusal := s.asked(r)
	if refusal != nil {
		refusal.write(w)
		return
	}
	n := s.Count(win)
	if poison {
		n = s.world.between(win).len()
	}
	writeJSON(w, http.StatusOK, count{n})
}

// asked reads ?from=&to=&poison=. The bounds are RFC 3339 or dates, and default to the
// whole.
func (s *Simulator) asked(r *http.Request) (conv.Window, bool, *apiError) {
	win := s.cfg.Window
	for name, bound := range map[string]*int64{"from": &win.From, "to": &win.To} {
		text := r.URL.Query().Get(name)
		if text == "" {
			continue
		}
		t, err := time.Parse(time.RFC3339, text)
		if err != nil {
			t, err = time.Parse(time.DateOnly, text)
		}
		if err != nil {
			refusal := invalid(name, "%q is neither an RFC 3339 instant nor a date", text)
			return win, false, &refusal
		}
		*bound = t.UnixMilli()
	}
	return win, r.URL.Query().Get("poison") == "1", nil
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

func appendText(dst []byte, text string) []byte {
	if text == "" {
		return append(dst, "null"...)
	}
	quoted, err := json.Marshal(text)
	if err != nil {
		panic(err) // a string
	}
	return append(dst, quoted...)
}

func appendMetric(dst []byte, value int64) []byte {
	if value == none {
		return append(dst, "null"...)
	}
	return strconv.AppendInt(dst, value, 10)
}
