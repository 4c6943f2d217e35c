package simulator

import (
	"encoding/json"
	"io"
	"net/http"
	"strconv"
)

// uncut is the allowance of a reply that no fault cuts.
const uncut = -1

// reply is a response that knows its status and can be cut short.
type reply struct {
	http.ResponseWriter
	status    int
	allowance int  // bytes of the body until the cut
	sent      bool // some of them are

	damage string // the fault that a results page suffers, "" for none
	at     int    // after so many bytes of it
}

func newReply(w http.ResponseWriter) *reply {
	return &reply{ResponseWriter: w, status: http.StatusOK, allowance: uncut}
}

// cut ends the connection behind n bytes of the body, or where the body ends if that is
// sooner; without any answer if n is 0.
func (r *reply) cut(n int) { r.allowance = n }

func (r *reply) WriteHeader(status int) {
	r.status = status
	r.ResponseWriter.WriteHeader(status)
}

func (r *reply) Write(b []byte) (int, error) {
	if r.allowance == uncut {
		return r.ResponseWriter.Write(b)
	}
	n := min(len(b), r.allowance)
	if n > 0 {
		if _, err := r.ResponseWriter.Write(b[:n]); err != nil {
			return 0, err
		}
		r.sent = true
		r.allowance -= n
	}
	if n < len(b) {
		return n, io.ErrShortWrite
	}
	return n, nil
}

// finish ends the connection of a reply that is to be cut.
func (r *reply) finish() {
	if r.allowance == uncut {
		return
	}
	if r.sent {
		_ = http.NewResponseController(r.ResponseWriter).Flush() // what is written must arrive
	}
	panic(http.ErrAbortHandler)
}

// outcome is the status under which the reply is counted.
func (r *reply) outcome() string {
	if r.allowance != uncut {
		return faultCut
	}
	return strconv.Itoa(r.status)
}

func writeJSON(w http.ResponseWriter, status int, body any) {
	text, err := json.Marshal(body)
	if err != nil {
		panic(err) // our own types of plain fields
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_, _ = w.Write(append(text, '\n')) // a client that is gone needs no answer
}
