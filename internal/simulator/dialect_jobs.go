package simulator

import (
	"net/http"
	"strconv"
	"strings"

	"convstream/internal/conv"
)

const pathJobs = "/api/v2/analytics/conversations/details/jobs"

// routeJobs serves the dialect jobs, but for the synchronous query; see either.
func (s *Simulator) routeJobs() {
	s.mux.Handle("POST "+pathJobs, s.operation(Submit, detailView, s.submitDetails))
	s.mux.Handle("GET "+pathJobs+"/availability", s.operation(Availability, detailAvailability, s.availability))
	s.mux.Handle("GET "+pathJobs+"/{id}", s.operation(Status, detailView, s.detailsStatus))
	s.mux.Handle("GET "+pathJobs+"/{id}/results", s.operation(Results, detailView, s.detailsResults))
	s.mux.Handle("DELETE "+pathJobs+"/{id}", s.operation(Abort, detailView, s.abortDetails))
}

// jobWords are the dialect's words for the phases.
var jobWords = map[phase]string{
	queued: "QUEUED", active: "PENDING", done: "FULFILLED", halved: "FULFILLED", broken: "FAILED",
	cancelled: "CANCELLED", expired: "EXPIRED",
}

func (s *Simulator) submitDetails(w *reply, r *http.Request) {
	sent, refusal := readBody(w, r)
	if refusal == nil {
		var q detailQuery
		if q, refusal = readDetailQuery(sent, jobMembers); refusal == nil {
			var j *job
			if j, refusal = s.enqueue(Jobs, q.window, func(j *job) { s.gather(j, q) }); refusal == nil {
				writeJSON(w, http.StatusAccepted, struct {
					JobID string `json:"jobId"`
				}{j.id})
				return
			}
		}
	}
	refusal.write(w)
}

// gather gives the job its result: the conversations of which some part lies in the
// interval. With startOfDayIntervalMatching they also started on a day that it touches.
func (s *Simulator) gather(j *job, q detailQuery) {
	from := q.window.From - longest
	if q.startOfDay {
		from = startOfDay(q.window.From)
	}
	j.details.query = q
	j.details.walk = s.world.walk(&q, j.view.before(conv.Window{From: from, To: q.window.To}), j.view)
	d := &j.details
	d.n = d.walk.len()
	if q.limit > 0 {
		d.n, _ = s.world.cut(&q, &d.walk, j.view, q.limit)
	}
	switch {
	case j.plot.failed:
		d.n = 0
	case j.plot.partial:
		_, all := s.world.cut(&q, &d.walk, j.view, -1)
		if q.limit > 0 {
			all = min(all, q.limit)
		}
		d.n, _ = s.world.cut(&q, &d.walk, j.view, all/2)
	}
}

func startOfDay(ms int64) int64 { return ms - ms%(24*hour) }

func (s *Simulator) detailsStatus(w *reply, r *http.Request) {
	j, phase := s.find(r, Jobs)
	if j == nil {
		notFound.write(w)
		return
	}
	body := struct {
		State          string `json:"state"`
		ErrorMessage   string `json:"errorMessage,omitempty"`
		ExpirationDate string `json:"expirationDate,omitempty"`
		SubmissionDate string `json:"submissionDate"`
		CompletionDate string `json:"completionDate,omitempty"`
	}{State: jobWords[phase], SubmissionDate: canonical.instant(s.stamp(j.created))}
	switch phase {
	case strange:
		body.State = j.plot.unknown.Word
	case broken:
		body.ErrorMessage = internalError
	}
	if phase >= done && phase != cancelled {
		wait := s.cfg.Faults.JobTime + j.plot.stalled.For + j.plot.unknown.For
		body.CompletionDate = canonical.instant(s.stamp(j.created.Add(wait)))
		body.ExpirationDate = canonical.instant(s.stamp(j.created.Add(purge)))
	}
	writeJSON(w, http.StatusOK, body)
}

func (s *Simulator) detailsResults(w *reply, r *http.Request) {
	j, phase := s.find(r, Jobs)
	switch {
	case j == nil:
		notFound.write(w)
		return
	case phase == expired:
		badCursor.write(w)
		return
	case phase != done && phase != halved:
		notFulfilled.write(w)
		return
	}
	size, refusal := s.pageSize(r)
	if refusal != nil {
		refusal.write(w)
		return
	}
	page, place := 0, 0
	if cursor := r.URL.Query().Get("cursor"); cursor != "" {
		var ok bool
		if page, place, ok = s.cursor(j, cursor); !ok {
			badCursor.write(w)
			return
		}
	}
	s.serve(j, page)
	s.writeDetails(w, r, j, page, place, size)
}

// pageSize is what the request asks for, or less if the platform has smaller pages.
func (s *Simulator) pageSize(r *http.Request) (int, *apiError) {
	const usual = 1000
	size, text := usual, r.URL.Query().Get("pageSize")
	if text != "" {
		var err error
		if size, err = strconv.Atoi(text); err != nil || size < 1 {
			refusal := invalid("pageSize", "%q is no number above 0", text)
			return 0, &refusal
		}
	}
	return min(size, s.cfg.Faults.PageRows), nil
}

// A cursor carries the number of its page, for the count, and the place where it starts.
func (s *Simulator) cursorTo(j *job, page, place int) string {
	return s.token(j, strconv.Itoa(page)+"."+strconv.Itoa(place))
}

func (s *Simulator) cursor(j *job, text string) (page, place int, ok bool) {
	payload, ok := s.payload(j, text)
	a, b, _ := strings.Cut(payload, ".")
	page, errPage := strconv.Atoi(a)
	place, errPlace := strconv.Atoi(b)
	return page, place, ok && errPage == nil && errPlace == nil
}

func (s *Simulator) abortDetails(w *reply, r *http.Request) {
	j, _ := s.find(r, Jobs)
	if j == nil {
		notFound.write(w)
		return
	}
	s.cancel(j)
	w.WriteHeader(http.StatusNoContent)
}

func (s *Simulator) availability(w *reply, _ *http.Request) {
	writeJSON(w, http.StatusOK, struct {
		Date string `json:"dataAvailabilityDate"`
	}{canonical.instant(s.watermark())})
}

// The dialect's refusals of a results request.
var (
	badCursor    = apiError{Status: http.StatusBadRequest, Code: "bad.request", Message: "The cursor is not valid for this job, or no longer."}
	notFulfilled = apiError{Status: http.StatusBadRequest, Code: "bad.request", Message: "The job has no results to page."}
)
