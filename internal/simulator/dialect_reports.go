package simulator

import (
	"net/http"
	"strconv"
	"time"

	"convstream/internal/conv"
)

const (
	pathQuery   = "/api/v2/analytics/conversations/details/query"
	pathReports = "/api/v2/analytics/report-queries/"
)

// routeReports serves the dialect reports. Its submit shares a path with the synchronous
// query of the other dialect; see either.
func (s *Simulator) routeReports() {
	s.mux.Handle("GET "+pathQuery, s.operation(Baseline, reportView, s.baseline))
	s.mux.Handle("GET "+pathReports+"{id}", s.operation(Status, reportView, s.status))
	s.mux.Handle("GET "+pathReports+"{id}/results", s.operation(Results, reportView, s.results))
	s.mux.Handle("DELETE "+pathReports+"{id}", s.operation(Abort, reportDelete, s.abort))
}

// report is the result of a job.
type report struct {
	query query
	rows  positions // that its pages walk over
	count int       // rows of the result: those that are there and hold the filter
}

func (s *Simulator) submit(w *reply, r *http.Request) {
	q, refusal := readQuery(w, r)
	if refusal != nil {
		refusal.write(w)
		return
	}
	j, refusal := s.enqueue(Reports, conv.Window{From: q.start, To: q.end + 1}, func(j *job) { s.report(j, q) })
	if refusal != nil {
		refusal.write(w)
		return
	}
	writeJSON(w, http.StatusOK, struct {
		QueryID string `json:"queryId"`
		Status  string `json:"status"`
	}{j.id, reportWords[queued]})
}

// report gives the job its result.
func (s *Simulator) report(j *job, q query) {
	if s.cfg.Faults.Edges != bothIn {
		s.stats.faults[faultEdges]++
	}
	rows := s.world.placed(j.view.before(within(q.start, q.end, s.cfg.Faults.Edges)))
	switch {
	case j.plot.failed:
		rows.hi = rows.lo
	case j.plot.partial:
		rows.hi = rows.lo + rows.len()/2
	}
	j.report.query = q
	j.report.rows, j.report.count = s.world.limited(rows, q, j.view)
	j.pages = make([]int, s.lastPage(j)+1)
}

// baseline counts the rows of a closed interval.
func (s *Simulator) baseline(w *reply, r *http.Request) {
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
	v := s.look()
	rows := s.world.placed(within(bounds[0], bounds[1], s.cfg.Faults.Edges))
	writeJSON(w, http.StatusOK, count{s.world.count(rows, v)})
}

type count struct {
	Count int `json:"count"`
}

// reportWords are the dialect's words for the phases that a client gets to see.
var reportWords = map[phase]string{
	queued: "pending", active: "running", done: "completed", halved: "partial", broken: "failed",
}

type jobStatus struct {
	ID          string   `json:"id"`
	Status      string   `json:"status"`
	Progress    *float64 `json:"progress,omitempty"`
	ResultsURI  string   `json:"resultsUri"`
	CreatedTime string   `json:"createdTime"`
	UpdatedTime string   `json:"updatedTime"`
	Error       string   `json:"error,omitempty"`
	Count       *int     `json:"count,omitempty"`
}

func (s *Simulator) status(w *reply, r *http.Request) {
	j, phase := s.find(r, Reports)
	if j == nil {
		notFound.write(w)
		return
	}
	if phase == expired {
		goneByNow.write(w)
		return
	}
	now, jobTime := time.Now(), s.cfg.Faults.JobTime
	body := jobStatus{
		ID:          j.id,
		Status:      reportWords[phase],
		Progress:    j.progress(phase, now, jobTime),
		ResultsURI:  pathReports + j.id + "/results",
		CreatedTime: conv.FormatInstant(s.stamp(j.created)),
		UpdatedTime: conv.FormatInstant(min(s.stamp(now), s.stamp(j.created.Add(jobTime)))),
	}
	switch phase {
	case strange:
		body.Status = j.plot.unknown.Word
	case done, halved:
		body.Count = &j.report.count
	case broken:
		body.Error = internalError
	}
	writeJSON(w, http.StatusOK, body)
}

// internalError is what a failed job says of itself, in both dialects.
const internalError = "Internal Server Error"

// stamp is the time on the platform's clock, epoch ms.
func (s *Simulator) stamp(t time.Time) int64 { return t.Add(s.cfg.Faults.ClockSkew).UnixMilli() }

// progress is how far a job says it is; nil if it does not. Like the platform's, the figure
// is not linear and stalls at 0.95.
func (j *job) progress(phase phase, now time.Time, jobTime time.Duration) *float64 {
	var p float64
	switch phase {
	case queued:
	case active, strange:
		const most = 0.95
		p = most
		age := now.Sub(j.created)
		if age < jobTime {
			p = min(1.5*float64(age)/float64(jobTime), most)
		}
		switch j.plot.stalled.Progress {
		case progressMissing:
			return nil
		case progressFall:
			if age > jobTime {
				p = most * (1 - min(float64(age-jobTime)/float64(j.plot.stalled.For), 1))
			}
		}
	default:
		p = 1
	}
	return &p
}

func (s *Simulator) results(w *reply, r *http.Request) {
	j, phase := s.find(r, Reports)
	switch {
	case j == nil:
		notFound.write(w)
		return
	case phase == expired:
		goneByNow.write(w)
		return
	case phase != done && phase != halved:
		notReady.write(w)
		return
	}
	page := 0
	if r.URL.Query().Has("pageToken") {
		var ok bool
		if page, ok = s.page(j, r.URL.Query().Get("pageToken")); !ok {
			badToken.write(w)
			return
		}
	}
	s.serve(j, page)
	s.writePage(w, r, j, page)
}

// lastPage is the index of the last page: a result without rows has one page too.
func (s *Simulator) lastPage(j *job) int {
	last := max(0, (j.report.rows.len()-1)/s.cfg.Faults.PageRows)
	if every := s.cfg.Faults.EmptyPages; every > 0 {
		last += last / (every - 1)
	}
	return last
}

// page finds the page of a token that one of the job's pages gave out.
func (s *Simulator) page(j *job, token string) (int, bool) {
	payload, ok := s.payload(j, token)
	page, err := strconv.Atoi(payload)
	return page, ok && err == nil
}

func (s *Simulator) abort(w *reply, r *http.Request) {
	j, _ := s.find(r, Reports)
	if j == nil {
		notFound.write(w)
		return
	}
	s.cancel(j)
	w.WriteHeader(http.StatusNoContent)
}

func (s *Simulator) cancel(j *job) {
	s.mu.Lock()
	defer s.mu.Unlock()
	j.deleted = true
}
