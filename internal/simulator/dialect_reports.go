package simulator

import (
	"net/http"
	"slices"
	"strings"
	"time"

	"convstream/internal/conv"
)

const (
	pathQuery = "/api/v2/analytics/conversations/details/query"
	pathJobs  = "/api/v2/analytics/report-queries/"
)

// routeReports serves the dialect reports.
func (s *Simulator) routeReports() {
	s.mux.Handle("POST "+pathQuery, s.operation(Submit, s.submit))
	s.mux.Handle("GET "+pathQuery, s.operation(Baseline, s.baseline))
	s.mux.Handle("GET "+pathJobs+"{id}", s.operation(Status, s.status))
	s.mux.Handle("GET "+pathJobs+"{id}/results", s.operation(Results, s.results))
	s.mux.Handle("DELETE "+pathJobs+"{id}", s.operation(Abort, s.abort))
}

func (s *Simulator) submit(w http.ResponseWriter, r *http.Request) {
	q, refusal := readQuery(w, r)
	if refusal != nil {
		refusal.write(w)
		return
	}
	j := s.enqueue(q)
	writeJSON(w, http.StatusOK, struct {
		QueryID string `json:"queryId"`
		Status  string `json:"status"`
	}{j.id, pending})
}

// enqueue makes a job of the query, with the fate that the script has for its number.
func (s *Simulator) enqueue(q query) *job {
	s.mu.Lock()
	defer s.mu.Unlock()
	script := &s.cfg.Faults.Script
	j := &job{
		number:  len(s.jobs) + 1,
		query:   q,
		created: time.Now(),
		end:     completed,
		rows:    s.world.between(q.window()),
		revised: s.revised(),
	}
	d := newDice(s.cfg.Seed, forJob, uint64(j.number), uint64(q.start), uint64(q.end))
	j.id = d.id().String()
	switch {
	case slices.Contains(script.Failed, j.number):
		j.end, j.rows.hi = failed, j.rows.lo
		s.stats.faults[faultFailed]++
	case slices.Contains(script.Partial, j.number):
		j.end, j.rows.hi = partial, j.rows.lo+j.rows.len()/2
		s.stats.faults[faultPartial]++
	}
	for _, g := range script.Gone {
		if g.Job == j.number {
			j.goneAfter = g.Pages
		}
	}
	j.rows, j.count = s.world.limited(j.rows, q, j.revised)
	j.pages = make([]int, j.lastPage(s.cfg.Faults.PageRows)+1)
	s.jobs = append(s.jobs, j)
	return j
}

// revised says whether a job submitted now sees the revised rows. The caller holds the
// mutex.
func (s *Simulator) revised() bool { return len(s.jobs) >= s.cfg.Faults.ReviseAfter }

// baseline counts the rows of a closed interval.
func (s *Simulator) baseline(w http.ResponseWriter, r *http.Request) {
	var bounds [2]int64
	for i, name := range []string{"start", "end"} {
		ms, ok := readInstant(r.URL.Query().Get(name))
		if !ok {
			invalid(name, "must be an instant such as 2024-01-01T00:00:00.000Z").write(w)
			return
		}
		bounds[i] = ms
	}
	if bounds[1] < bounds[0] {
		invalid("end", "lies before start").write(w)
		return
	}
	rows := s.world.between(conv.Window{From: bounds[0], To: bounds[1] + 1})
	writeJSON(w, http.StatusOK, count{rows.len()})
}

type count struct {
	Count int `json:"count"`
}

type jobStatus struct {
	ID          string  `json:"id"`
	Status      string  `json:"status"`
	Progress    float64 `json:"progress"`
	ResultsURI  string  `json:"resultsUri"`
	CreatedTime string  `json:"createdTime"`
	UpdatedTime string  `json:"updatedTime"`
	Error       string  `json:"error,omitempty"`
	Count       *int    `json:"count,omitempty"`
}

func (s *Simulator) status(w http.ResponseWriter, r *http.Request) {
	j := s.find(r)
	if j == nil {
		notFound.write(w)
		return
	}
	now, jobTime := time.Now(), s.cfg.Faults.JobTime
	state, progress := j.state(now, jobTime)
	body := jobStatus{
		ID:          j.id,
		Status:      state,
		Progress:    progress,
		ResultsURI:  pathJobs + j.id + "/results",
		CreatedTime: conv.FormatInstant(j.created.UnixMilli()),
		UpdatedTime: conv.FormatInstant(min(now.UnixMilli(), j.created.Add(jobTime).UnixMilli())),
	}
	switch state {
	case completed, partial:
		body.Count = &j.count
	case failed:
		body.Error = "Internal Server Error"
	}
	writeJSON(w, http.StatusOK, body)
}

func (s *Simulator) results(w http.ResponseWriter, r *http.Request) {
	j := s.find(r)
	if j == nil {
		notFound.write(w)
		return
	}
	if state, _ := j.state(time.Now(), s.cfg.Faults.JobTime); state != completed && state != partial {
		notReady.write(w)
		return
	}
	page := 0
	if r.URL.Query().Has("pageToken") {
		var ok bool
		if page, ok = j.page(s.cfg.Seed, r.URL.Query().Get("pageToken"), s.cfg.Faults.PageRows); !ok {
			badToken.write(w)
			return
		}
	}
	s.mu.Lock()
	j.pages[page]++
	j.served++
	s.mu.Unlock()
	zip := s.cfg.Faults.Gzip && strings.Contains(r.Header.Get("Accept-Encoding"), "gzip")
	s.writePage(w, j, page, zip)
}

func (s *Simulator) abort(w http.ResponseWriter, r *http.Request) {
	j := s.find(r)
	if j == nil {
		notFound.write(w)
		return
	}
	s.mu.Lock()
	j.deleted = true
	s.mu.Unlock()
	w.WriteHeader(http.StatusNoContent)
}

// find returns the job that the request's path names, nil if there is none any more.
func (s *Simulator) find(r *http.Request) *job {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, j := range s.jobs {
		if j.id != r.PathValue("id") {
			continue
		}
		if j.known(time.Now()) {
			return j
		}
		if j.gone() {
			s.stats.faults[faultGone]++
		}
		return nil
	}
	return nil
}
