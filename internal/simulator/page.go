package simulator

import (
	"encoding/json"
	"io"
	"net/http"
	"strconv"
)

// chunk is how many bytes of rows are gathered before they are sent.
const chunk = 64 << 10

// writePage writes a results page of reports. But for the first, it starts with the last
// row of the page before.
func (s *Simulator) writePage(w *reply, r *http.Request, j *job, page int) {
	out, end := s.body(w, r)
	defer end()
	rows := s.rowsOf(j, page)
	if s.writeRows(out, j, page, rows) != nil {
		return // the client is gone, or cut off
	}
	next := ""
	if page < s.lastPage(j) {
		next = s.token(j, strconv.Itoa(page+1))
	}
	text := appendText([]byte(`],"nextPageToken":`), s.next(j, page, next))
	_, _ = out.Write(append(text, '}'))
}

// rowsOf returns the positions that a page brings, the repeat included. A page that the
// fault leaves empty has none.
func (s *Simulator) rowsOf(j *job, page int) positions {
	f := &s.cfg.Faults
	if f.EmptyPages > 0 {
		if (page+1)%f.EmptyPages == 0 {
			s.tally(faultEmpty, 1)
			return positions{}
		}
		page -= (page + 1) / f.EmptyPages
	}
	lo := j.report.rows.lo + page*f.PageRows
	rows := positions{lo, min(j.report.rows.hi, lo+f.PageRows)}
	if page > 0 && !f.NoBoundaryRepeats {
		rows.lo--
	}
	return rows
}

func (s *Simulator) writeRows(out io.Writer, j *job, page int, rows positions) error {
	buf := append(make([]byte, 0, chunk+chunk/8), `{"data":[`...)
	comma, zoneless, padded, invalid, drifts := false, 0, 0, 0, 0
	for pos := rows.lo; pos < rows.hi; pos++ {
		r, there := s.world.element(pos, j.view)
		if !there || !j.report.query.holds(&r) {
			continue
		}
		if comma {
			buf = append(buf, ',')
		}
		comma = true
		style := s.world.styleOf(&r, pos, j.number, page)
		if !s.cfg.Faults.Zoneless {
			style = style.zoned()
		} else if style.instant() == instantZoneless {
			zoneless++
		}
		drift := s.world.driftOf(&r)
		if len(drift) > 0 {
			drifts++
			row := appendRow(nil, &r, j.report.query.columns, style)
			buf = append(buf, drifted(row, drift, true, true)...)
		} else {
			buf = appendRow(buf, &r, j.report.query.columns, style)
		}
		if r.Poison == Missing || r.Poison == Retyped || r.Poison == Keyless {
			invalid++
		}
		if n := s.cfg.Faults.RowPadding; n > 0 {
			buf = appendPadding(buf, n)
			padded++
		}
		if len(buf) >= chunk {
			if _, err := out.Write(buf); err != nil {
				return err
			}
			buf = buf[:0]
		}
	}
	s.tally(faultZoneless, zoneless)
	s.tally(faultPadding, padded)
	s.tally(faultInvalid, invalid)
	s.tally(faultDrift, drifts)
	_, err := out.Write(buf)
	return err
}

// appendPadding gives the object that dst ends with one more member, of n bytes that mean
// nothing.
func appendPadding(dst []byte, n int) []byte {
	const line = "padding that fills the row and means nothing to anybody at all "
	dst = append(dst[:len(dst)-1], `,"padding":"`...)
	for ; n > 0; n -= len(line) {
		dst = append(dst, line[:min(n, len(line))]...)
	}
	return append(dst, `"}`...)
}

// tally counts n strikes of a fault.
func (s *Simulator) tally(kind string, n int) {
	if n == 0 {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.stats.faults[kind] += n
}

// appendText appends a JSON string, null for none.
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
