package simulator

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"strconv"
	"strings"
	"time"
)

// The states of a job.
const (
	pending   = "pending"
	running   = "running"
	completed = "completed"
	partial   = "partial"
	failed    = "failed"
)

// purge is how long the platform knows a job.
const purge = 7 * 24 * time.Hour

// job is a query that was submitted. Its result is fixed then; only its age, and what was
// asked of it, change.
type job struct {
	number  int // 1 for the first one
	id      string
	query   query
	created time.Time
	end     string    // the state it ends in
	rows    positions // that its pages walk over
	count   int       // rows of the result: those that also hold the filter
	revised bool

	goneAfter int // pages; 0 for a job that stays
	deleted   bool
	served    int
	pages     []int // how often each page was served
}

func (j *job) known(now time.Time) bool {
	return !j.deleted && now.Sub(j.created) < purge && !j.gone()
}

func (j *job) gone() bool { return j.goneAfter > 0 && j.served >= j.goneAfter }

// state returns the job's state and how far it says it is. Like the platform's, the figure
// is not linear and stalls at 0.95.
func (j *job) state(now time.Time, jobTime time.Duration) (string, float64) {
	switch age := now.Sub(j.created); {
	case age >= jobTime:
		return j.end, 1
	case age < jobTime/4:
		return pending, 0
	default:
		return running, min(1.5*float64(age)/float64(jobTime), 0.95)
	}
}

// lastPage is the index of the last page: a result without rows has one page too.
func (j *job) lastPage(pageRows int) int { return max(0, (j.rows.len()-1)/pageRows) }

// token returns the token of the page. It is made of what a client mangles when it parses,
// escapes twice or escapes not at all.
func (j *job) token(seed uint64, page int) string {
	var key [8]byte
	binary.BigEndian.PutUint64(key[:], seed)
	mac := hmac.New(sha256.New, key[:])
	mac.Write([]byte(j.id))
	mac.Write(binary.BigEndian.AppendUint64(nil, uint64(page)))
	return "v1+" + strconv.Itoa(page) + "/%2B&" + base64.StdEncoding.EncodeToString(mac.Sum(nil)[:16]) + "%"
}

// page finds the page of a token that one of the job's pages gave out.
func (j *job) page(seed uint64, token string, pageRows int) (int, bool) {
	number, _, _ := strings.Cut(strings.TrimPrefix(token, "v1+"), "/")
	page, err := strconv.Atoi(number)
	return page, err == nil && page > 0 && page <= j.lastPage(pageRows) && token == j.token(seed, page)
}
