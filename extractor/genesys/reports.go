package genesys

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"

	"convstream/extractor"
	"convstream/internal/conv"
)

const (
	queryPath   = "/api/v2/analytics/conversations/details/query"
	reportsPath = "/api/v2/analytics/report-queries/"
)

// reports is the dialect of the guide.
type reports struct {
	*wire
	columns []string
	filter  filter
	limit   int
	overlap int64 // milliseconds
}

func newReports(c *Config, w *wire) *reports {
	list, _ := clauses(c.Filter) // validate has tried it
	overlap := c.Overlap
	if overlap == 0 {
		overlap = defaultOverlap
	}
	return &reports{wire: w, columns: c.Select, filter: filter{"and", list}, limit: c.Limit, overlap: overlap.Milliseconds()}
}

// reportsPermissions is what each call asks of the OAuth client's role.
var reportsPermissions = map[extractor.Op]string{
	extractor.OpSubmit:   "permission analytics:report:run" + licence,
	extractor.OpStatus:   "permission analytics:report:view" + licence,
	extractor.OpResults:  "permission analytics:report:view" + licence,
	extractor.OpBaseline: "permission analytics:report:view" + licence,
	extractor.OpCancel:   "permission analytics:report:delete" + licence,
}

// submission is the body of a submit request: these members, in this order, so that the
// same window always gives the same bytes.
type submission struct {
	Interval string   `json:"interval"`
	Start    string   `json:"start"`
	End      string   `json:"end"`
	View     string   `json:"view"`
	Select   []string `json:"select"`
	Filter   filter   `json:"filter"`
	Group    []string `json:"group"`
	Limit    int      `json:"limit"`
}

type filter struct {
	Type    string   `json:"type"`
	Clauses []clause `json:"clauses"`
}

// render is the request for rows from start to end, both belonging to it.
func (r *reports) render(start, end string) []byte {
	return encode(submission{
		Interval: "PT0S", // the window is carried by start and end alone
		Start:    start,
		End:      end,
		View:     "default/conversations",
		Select:   r.columns,
		Filter:   r.filter,
		Group:    []string{},
		Limit:    r.limit,
	})
}

func (r *reports) body(w conv.Window) []byte {
	return r.render(conv.FormatInstant(w.From-r.overlap), lastInstant(w))
}

func (r *reports) question() []byte { return r.render("", "") }

// lastInstant is the last millisecond that belongs to the window.
func lastInstant(w conv.Window) string { return conv.FormatInstant(w.To - 1) }

// Submit asks for the window's rows.
func (r *reports) Submit(ctx context.Context, w conv.Window) (conv.Job, error) {
	var answer struct {
		QueryID string `json:"queryId"`
	}
	header, err := r.ask(ctx, request{op: extractor.OpSubmit, method: http.MethodPost, path: queryPath, body: r.body(w)}, &answer)
	if err != nil {
		return conv.Job{}, err
	}
	return accepted(header, "queryId", answer.QueryID)
}

func (r *reports) path(job conv.Job) string        { return reportsPath + url.PathEscape(job.ID) }
func (r *reports) resultsPath(job conv.Job) string { return r.path(job) + "/results" }

// reportWords are the states of a job as the dialect spells them, and no other way.
var reportWords = map[string]conv.JobState{
	"pending":   conv.JobQueued,
	"running":   conv.JobRunning,
	"completed": conv.JobDone,
	"partial":   conv.JobPartial,
	"failed":    conv.JobFailed,
}

// Status asks where the job stands. Only the status itself has to be in the answer.
func (r *reports) Status(ctx context.Context, job conv.Job) (conv.JobStatus, error) {
	var answer struct {
		Status   *string
		Progress json.RawMessage
		Error    json.RawMessage
		Count    json.RawMessage

		ResultsURI json.RawMessage
	}
	if _, err := r.ask(ctx, request{op: extractor.OpStatus, method: http.MethodGet, path: r.path(job)}, &answer); err != nil {
		return conv.JobStatus{}, err
	}
	if answer.Status == nil {
		return conv.JobStatus{}, errors.New("the answer has no status")
	}
	status := conv.JobStatus{
		State:    reportWords[*answer.Status],
		Word:     cut(*answer.Status),
		Progress: -1,
		Error:    said(answer.Error),
		Count:    -1,
		Results:  r.elsewhere(job, answer.ResultsURI),
	}
	if p, ok := number(answer.Progress); ok {
		status.Progress = p
	}
	if n, ok := count(answer.Count); ok {
		status.Count = n
	}
	return status, nil
}

// elsewhere is where the platform says that the results are, unless it is where they should
// be: scheme, host and path alone, as the rest of a URL may be what opens it to anybody.
func (r *reports) elsewhere(job conv.Job, raw json.RawMessage) string {
	var uri *string
	if len(raw) == 0 || json.Unmarshal(raw, &uri) == nil && (uri == nil || *uri == "") {
		return ""
	}
	if uri == nil {
		return noURL
	}
	u, err := url.Parse(*uri)
	if err != nil || u.Host == "" && u.Path == "" {
		return noURL
	}
	u.User, u.RawQuery, u.ForceQuery, u.Fragment, u.RawFragment = nil, "", false, "", ""
	place, ours := u.String(), r.resultsPath(job)
	if place == ours || place == r.base+ours {
		return ""
	}
	return cut(place)
}

// noURL stands for what the platform gives as a URL and is none.
const noURL = "what is no URL"

// Page opens a results page.
func (r *reports) Page(ctx context.Context, job conv.Job, token string) (io.ReadCloser, error) {
	path := r.resultsPath(job)
	if token != "" {
		path += "?pageToken=" + url.QueryEscape(token)
	}
	return r.open(ctx, request{op: extractor.OpResults, method: http.MethodGet, path: path})
}

// Cancel deletes the job.
func (r *reports) Cancel(ctx context.Context, job conv.Job) error {
	_, err := r.ask(ctx, request{op: extractor.OpCancel, method: http.MethodDelete, path: r.path(job)}, nil)
	return err
}

// Baseline asks for the number of rows in the window itself, without the overlap.
func (r *reports) Baseline(ctx context.Context, w conv.Window) (int64, error) {
	if len(r.filter.Clauses) > 0 {
		return 0, fmt.Errorf("%w: it counts all rows, and source.filter asks for some", conv.ErrNoBaseline)
	}
	bounds := "?start=" + url.QueryEscape(conv.FormatInstant(w.From)) + "&end=" + url.QueryEscape(lastInstant(w))
	var answer struct {
		Count     json.RawMessage
		TotalHits json.RawMessage
	}
	if _, err := r.ask(ctx, request{op: extractor.OpBaseline, method: http.MethodGet, path: queryPath + bounds}, &answer); err != nil {
		return 0, err
	}
	for _, raw := range []json.RawMessage{answer.Count, answer.TotalHits} {
		if n, ok := count(raw); ok {
			return n, nil
		}
	}
	return 0, conv.ErrNoBaseline
}

// Availability is not told by this dialect.
func (r *reports) Availability(context.Context) (int64, error) { return 0, conv.ErrNoWatermark }

// Envelope is how a results page is laid out.
func (r *reports) Envelope() extractor.Envelope {
	return extractor.Envelope{Rows: "data", Next: "nextPageToken", Count: "count"}
}

// Keys is where a row keeps its conversation id and its time.
func (r *reports) Keys() extractor.Keys {
	return extractor.Keys{ConversationID: "conversation.id", Time: "timestamp"}
}
