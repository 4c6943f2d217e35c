package simulator

import (
	"compress/gzip"
	"encoding/json"
	"io"
	"net/http"
)

// chunk is how many bytes of rows are gathered before they are sent.
const chunk = 64 << 10

// writePage writes a results page. But for the first, it starts with the last row of the
// page before.
func (s *Simulator) writePage(w http.ResponseWriter, j *job, page int, zip bool) {
	w.Header().Set("Content-Type", "application/json")
	if !zip {
		s.writeBody(w, j, page)
		return
	}
	w.Header().Set("Content-Encoding", "gzip")
	zipped, err := gzip.NewWriterLevel(w, gzip.BestSpeed)
	if err != nil {
		panic(err) // the level is a constant
	}
	s.writeBody(zipped, j, page)
	_ = zipped.Close() // a client that is gone needs no end
}

func (s *Simulator) writeBody(out io.Writer, j *job, page int) {
	pageRows := s.cfg.Faults.PageRows
	lo := j.rows.lo + page*pageRows
	hi := min(j.rows.hi, lo+pageRows)
	if page > 0 && !s.cfg.Faults.NoBoundaryRepeats {
		lo--
	}
	if s.writeRows(out, j, page, positions{lo, hi}) != nil {
		return // the client is gone, or cut off
	}
	var next *string
	if page < j.lastPage(pageRows) {
		token := j.token(s.cfg.Seed, page+1)
		next = &token
	}
	text, err := json.Marshal(next)
	if err != nil {
		panic(err) // a string
	}
	_, _ = out.Write(append(append([]byte(`],"nextPageToken":`), text...), '}'))
}

func (s *Simulator) writeRows(out io.Writer, j *job, page int, rows positions) error {
	buf := append(make([]byte, 0, chunk+chunk/8), `{"data":[`...)
	comma := false
	for pos := rows.lo; pos < rows.hi; pos++ {
		r := s.world.element(pos, j.revised)
		if !j.query.holds(&r) {
			continue
		}
		if comma {
			buf = append(buf, ',')
		}
		comma = true
		buf = appendRow(buf, &r, j.query.columns, s.world.styleOf(&r, pos, j.number, page))
		if len(buf) >= chunk {
			if _, err := out.Write(buf); err != nil {
				return err
			}
			buf = buf[:0]
		}
	}
	_, err := out.Write(buf)
	return err
}
