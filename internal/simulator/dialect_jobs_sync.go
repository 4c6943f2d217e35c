package simulator

import (
	"encoding/json"
	"net/http"

	"convstream/internal/conv"
)

// queryAnswer is what the synchronous query says.
type queryAnswer struct {
	Conversations []json.RawMessage `json:"conversations,omitempty"`
	TotalHits     int               `json:"totalHits"`
}

// queryDetails answers the synchronous query: whole days of starts, near real time, and
// conversations without their attributes.
func (s *Simulator) queryDetails(w *reply, r *http.Request) {
	sent, refusal := readBody(w, r)
	var q detailQuery
	if refusal == nil {
		q, refusal = readDetailQuery(sent, syncMembers)
	}
	if refusal != nil {
		refusal.write(w)
		return
	}
	v := s.look()
	// An interval that ends where a day begins touches that day too.
	days := conv.Window{From: startOfDay(q.window.From), To: startOfDay(q.window.To) + 24*hour}
	q.days = true
	walk := s.world.walk(&q, days, v)
	var answer queryAnswer
	if len(q.filters) == 0 {
		answer.TotalHits = walk.len() - s.world.absences.between(walk.lo, walk.hi, v)
	} else {
		_, answer.TotalHits = s.world.cut(&q, &walk, v, -1)
	}
	place, skip := 0, q.pageSize*(q.pageNumber-1)
	if skip > 0 {
		place, _ = s.world.cut(&q, &walk, v, skip)
	}
	for range q.pageSize {
		if place = s.world.seek(&q, &walk, v, place, walk.len()); place == walk.len() {
			break
		}
		i := walk.index(place)
		answer.Conversations = append(answer.Conversations, s.world.conversation(i, v, s.tellingOf(i)).withoutAttributes().json())
		place++
	}
	writeJSON(w, http.StatusOK, answer)
}
