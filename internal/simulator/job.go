package simulator

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"net/http"
	"slices"
	"strings"
	"time"

	"convstream/internal/conv"
)

// Dialect is one of the two ways to ask the platform for conversation details.
type Dialect string

// The dialects.
const (
	Reports Dialect = "reports" // the guide's
	Jobs    Dialect = "jobs"    // the public API's
)

// phase is where a job is in its life. Each dialect has words of its own for them.
type phase int

const (
	queued phase = iota
	active
	strange // its status is a word that no client knows
	done
	halved // done, in reports with a word that says so
	broken
	cancelled
	expired
)

// purge is how long the platform keeps a result.
const purge = 7 * 24 * time.Hour

// job is a query that was submitted. Its result is fixed then; only its age, and what was
// asked of it, change.
type job struct {
	number  int // 1 for the first one
	dialect Dialect
	id      string
	window  conv.Window // as submitted
	created time.Time
	view    view
	mark    int64 // the watermark then, epoch ms
	plot    plot

	report  report  // of a job of the dialect reports
	details details // of a job of the dialect jobs

	deleted bool
	served  int
	pages   []int          // how often each page was served
	issued  map[int]string // the token of each page, as far as they were given out
}

// known says whether the platform still knows the job. In jobs it knows a result's end for
// another while.
func (j *job) known(now time.Time) bool {
	age := now.Sub(j.created)
	if j.gone() || j.vanished(age) {
		return false
	}
	if j.dialect == Jobs {
		return age < 2*purge
	}
	return !j.deleted && age < purge
}

func (j *job) gone() bool { return j.plot.gone > 0 && j.served >= j.plot.gone }

func (j *job) vanished(age time.Duration) bool {
	return j.plot.vanished != nil && age >= j.plot.vanished.After
}

// expiredEarly says whether the script ended the result.
func (j *job) expiredEarly() bool { return j.plot.expires > 0 && j.served >= j.plot.expires }

func (j *job) phase(now time.Time, jobTime time.Duration) phase {
	age := now.Sub(j.created)
	stalled := jobTime + j.plot.stalled.For
	word := j.plot.unknown
	switch {
	case j.deleted:
		return cancelled
	case j.expiredEarly() || age >= purge:
		return expired
	case age < jobTime/4:
		return queued
	case j.plot.endless || age < stalled:
		return active
	case word.Word != "" && (word.For == 0 || age < stalled+word.For):
		return strange
	case j.plot.failed:
		return broken
	case j.plot.partial:
		return halved
	}
	return done
}

// enqueue makes a job, with the fate that the script has for its number; fill gives it its
// result.
func (s *Simulator) enqueue(dialect Dialect, win conv.Window, fill func(*job)) (*job, *apiError) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if refusal := s.crowded(); refusal != nil {
		return nil, refusal
	}
	j := &job{
		number:  len(s.jobs) + 1,
		dialect: dialect,
		window:  win,
		created: time.Now(),
		view:    s.view(),
		mark:    s.watermark(),
		issued:  map[int]string{},
	}
	d := newDice(s.cfg.Seed, forJob, uint64(j.number), uint64(win.From), uint64(win.To-1))
	j.id = d.id().String()
	var faults []string
	j.plot, faults = s.cfg.Faults.Script.plot(j.number)
	for _, kind := range slices.Concat(faults, s.world.seenIn(j.view, win)) {
		s.stats.faults[kind]++
	}
	fill(j)
	s.jobs = append(s.jobs, j)
	return j, nil
}

// seenIn returns the faults that a view brings into a job's result.
func (w *world) seenIn(v view, win conv.Window) (kinds []string) {
	for _, f := range []struct {
		kind  string
		there bool
	}{
		{faultRevise, v.revised && w.revise > 0},
		{faultLate, !v.arrived && len(w.late) > 0},
		{faultRemoved, v.erased && len(w.removed) > 0},
		{faultWatermark, v.until < win.To},
	} {
		if f.there {
			kinds = append(kinds, f.kind)
		}
	}
	return kinds
}

// find returns the job of the dialect that the request's path names and the phase it is
// in; nil if there is none any more.
func (s *Simulator) find(r *http.Request, dialect Dialect) (*job, phase) {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := time.Now()
	for _, j := range s.jobs {
		if j.id != r.PathValue("id") || j.dialect != dialect {
			continue
		}
		if j.known(now) {
			if j.expiredEarly() {
				s.stats.faults[faultExpires]++
			}
			return j, j.phase(now, s.cfg.Faults.JobTime)
		}
		if j.gone() {
			s.stats.faults[faultGone]++
		} else if j.vanished(now.Sub(j.created)) {
			s.stats.faults[faultVanished]++
		}
		return nil, 0
	}
	return nil, 0
}

// serve counts a page that is served.
func (s *Simulator) serve(j *job, page int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for len(j.pages) <= page {
		j.pages = append(j.pages, 0)
	}
	j.pages[page]++
	j.served++
}

// next returns the token that the page gives out when that of the page behind it is token,
// "" behind the last page. A looped page gives out an older one.
func (s *Simulator) next(j *job, page int, token string) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	if token != "" {
		j.issued[page+1] = token
	}
	if loop := j.plot.loop; loop.From == page+1 {
		s.stats.faults[faultLoops]++
		return j.issued[loop.To-1]
	}
	return token
}

// token signs what a page token carries. It is made of what a client mangles when it
// parses, escapes twice or escapes not at all.
func (s *Simulator) token(j *job, payload string) string {
	var key [8]byte
	binary.BigEndian.PutUint64(key[:], s.cfg.Seed)
	mac := hmac.New(sha256.New, key[:])
	mac.Write([]byte(j.id))
	mac.Write([]byte(payload))
	return "v1+" + payload + "/%2B&" + base64.StdEncoding.EncodeToString(mac.Sum(nil)[:16]) + "%"
}

// payload returns what a token carries that one of the job's pages gave out.
func (s *Simulator) payload(j *job, token string) (string, bool) {
	payload, _, _ := strings.Cut(strings.TrimPrefix(token, "v1+"), "/")
	return payload, token == s.token(j, payload)
}
