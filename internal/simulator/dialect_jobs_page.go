package simulator

import (
	"io"
	"net/http"
)

// object writes the members of a JSON object.
type object struct {
	io.Writer
	comma bool
}

// member writes the next member, or the start of it.
func (o *object) member(text string) {
	if o.comma {
		text = "," + text
	}
	o.comma = true
	_, _ = io.WriteString(o, text) // whatever is written next meets the same error
}

// writeDetails writes a results page. Its watermark is that of the job: what was there to
// be read when it was submitted.
func (s *Simulator) writeDetails(w *reply, r *http.Request, j *job, page, place, size int) {
	out, end := s.body(w, r)
	defer end()
	if every := s.cfg.Faults.EmptyPages; every > 0 && (page+1)%every == 0 {
		s.tally(faultEmpty, 1)
		size = 0
	}
	d := newDice(s.cfg.Seed, forPage, uint64(j.number), uint64(page))
	mark := `"dataAvailabilityDate":"` + canonical.instant(j.mark) + `"`
	markFirst := d.oneIn(4) // members come in any order
	_, _ = io.WriteString(out, "{")
	o := &object{Writer: out}
	if markFirst {
		o.member(mark)
	}
	place, err := s.writeConversations(o, j, place, size, d.oneIn(2))
	if err != nil {
		return // the client is gone, or cut off
	}
	next := ""
	if place < j.details.n {
		next = s.cursorTo(j, page+1, place)
	}
	if next = s.next(j, page, next); next != "" {
		o.member(`"cursor":` + string(appendText(nil, next)))
	}
	if !markFirst {
		o.member(mark)
	}
	_, _ = io.WriteString(out, "}")
}

// writeConversations writes the next conversations from the place on, and returns the place
// of the one behind them. Where there are none, the member is null or not there.
func (s *Simulator) writeConversations(o *object, j *job, place, size int, null bool) (int, error) {
	q, walk, n := &j.details.query, &j.details.walk, j.details.n
	place = s.world.seek(q, walk, j.view, place, n)
	if size == 0 || place == n {
		if null {
			o.member(`"conversations":null`)
		}
		return place, nil
	}
	o.member(`"conversations":[`)
	buf := make([]byte, 0, 2*chunk)
	told, padded, invalid, drifts := map[telling]int{}, 0, 0, 0
	for k := 0; k < size && place < n; k++ {
		if k > 0 {
			buf = append(buf, ',')
		}
		i := walk.index(place)
		t := s.tellingOf(i)
		told[t]++
		if s.world.invalid.wrong(i) != "" {
			invalid++
		} else if len(s.world.driftAt(s.world.at(i))) > 0 {
			drifts++
		}
		buf = append(buf, s.world.told(i, s.world.conversation(i, j.view, t), true)...)
		if n := s.cfg.Faults.RowPadding; n > 0 {
			buf = appendPadding(buf, n)
			padded++
		}
		if len(buf) >= chunk {
			if _, err := o.Write(buf); err != nil {
				return place, err
			}
			buf = buf[:0]
		}
		place = s.world.seek(q, walk, j.view, place+1, n)
	}
	s.tally(faultOffsets, told[offset])
	s.tally(faultZoneless, told[zoneless])
	s.tally(faultPadding, padded)
	s.tally(faultInvalid, invalid)
	s.tally(faultDrift, drifts)
	_, err := o.Write(append(buf, ']'))
	return place, err
}

// tellingOf is how pages tell of conversation i.
func (s *Simulator) tellingOf(i int) telling {
	d := newDice(s.cfg.Seed, forSpelling, forCall, uint64(i))
	switch d.below(4) {
	case 0:
		if s.cfg.Faults.Offsets {
			return offset
		}
	case 1:
		if s.cfg.Faults.Zoneless {
			return zoneless
		}
	}
	return canonical
}
