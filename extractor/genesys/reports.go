package genesys

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"time"

	"convstream/extractor"
	"convstream/internal/conv"
)

const (
	queryPath   = "/api/v2/analytics/conversations/details/query"
	reportsPath = "/api/v2/analytics/report-queries/"
)

func jobPath(job conv.Job) string     { return reportsPath + url.PathEscape(job.ID) }
func resultsPath(job conv.Job) string { return jobPath(job) + "/results" }

// query is what all windows ask for alike.
type query struct {
	columns []string
	limit   int
	overlap int64 // milliseconds
}

func newQuery(c *Config) query {
	return query{columns: c.Select, limit: c.Limit, overlap: c.Overlap.Milliseconds()}
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
	Clauses []string `json:"clauses"`
}

// body renders the request for rows from start to end, both belonging to it.
func (q *query) body(start, end string) []byte {
	b, err := json.Marshal(submission{
		Interval: "PT0S", // the window is carried by start and end alone
		Start:    start,
		End:      end,
		View:     "default/conversations",
		Select:   q.columns,
		Filter:   filter{Type: "and", Clauses: []string{}},
		Group:    []string{},
		Limit:    q.limit,
	})
	if err != nil {
		panic(err) // strings and numbers always marshal
	}
	return b
}

// Payload is the body that Submit sends for the window.
func (c *Client) Payload(w conv.Window) []byte {
	return c.query.body(conv.FormatInstant(w.From-c.query.overlap), lastInstant(w))
}

// lastInstant is the last millisecond that belongs to the window.
func lastInstant(w conv.Window) string { return conv.FormatInstant(w.To - 1) }

// QueryHash tells queries apart that differ in more than their window: SHA-256 of the
// payload with empty bounds, in hexadecimal.
func (c *Client) QueryHash() string {
	sum := sha256.Sum256(c.query.body("", ""))
	return hex.EncodeToString(sum[:])
}

// maxJobID is the longest job id that is believed, in bytes.
const maxJobID = 256

// Submit asks for the window's rows.
func (c *Client) Submit(ctx context.Context, w conv.Window) (conv.Job, error) {
	var answer struct {
		QueryID string `json:"queryId"`
	}
	header, err := c.ask(ctx, extractor.OpSubmit, http.MethodPost, queryPath, c.Payload(w), &answer)
	if err != nil {
		return conv.Job{}, err
	}
	if answer.QueryID == "" {
		return conv.Job{}, malformed(extractor.OpSubmit, &http.Response{StatusCode: http.StatusOK, Header: header}, "the answer has no queryId")
	}
	if len(answer.QueryID) > maxJobID {
		return conv.Job{}, malformed(extractor.OpSubmit, &http.Response{StatusCode: http.StatusOK, Header: header}, "the queryId is no id: it is too long")
	}
	return conv.Job{ID: answer.QueryID, Submitted: time.Now().UnixMilli(), PlatformTime: answered(header).UnixMilli()}, nil
}

// words are the states of a job as the dialect spells them, and no other way.
var words = map[string]conv.JobState{
	"pending":   conv.JobQueued,
	"running":   conv.JobRunning,
	"completed": conv.JobDone,
	"partial":   conv.JobPartial,
	"failed":    conv.JobFailed,
}

// Status asks where the job stands. Only the status itself has to be in the answer.
func (c *Client) Status(ctx context.Context, job conv.Job) (conv.JobStatus, error) {
	var answer struct {
		Status   *string
		Progress json.RawMessage
		Error    json.RawMessage
		Count    json.RawMessage

		ResultsURI json.RawMessage
	}
	if _, err := c.ask(ctx, extractor.OpStatus, http.MethodGet, jobPath(job), nil, &answer); err != nil {
		return conv.JobStatus{}, err
	}
	if answer.Status == nil {
		return conv.JobStatus{}, errors.New("the answer has no status")
	}
	status := conv.JobStatus{
		State:    words[*answer.Status],
		Word:     cut(*answer.Status),
		Progress: -1,
		Error:    said(answer.Error),
		Count:    -1,
		Results:  c.elsewhere(job, answer.ResultsURI),
	}
	if p, ok := number(answer.Progress); ok {
		status.Progress = p
	}
	if n, ok := count(answer.Count); ok {
		status.Count = n
	}
	return status, nil
}

// elsewhere is what the platform says of where the results are, unless it is where they
// should be.
func (c *Client) elsewhere(job conv.Job, raw json.RawMessage) string {
	uri, ours := said(raw), resultsPath(job)
	if uri == ours || uri == c.base+ours {
		return ""
	}
	return uri
}

// said is a text of the platform: a string as it is, anything else as JSON.
func said(raw json.RawMessage) string {
	var text string
	if len(raw) == 0 || json.Unmarshal(raw, &text) == nil {
		return cut(text) // null leaves it empty
	}
	return cut(string(raw))
}

func number(raw json.RawMessage) (float64, bool) {
	var f *float64
	if json.Unmarshal(raw, &f) != nil || f == nil {
		return 0, false
	}
	return *f, true
}

func count(raw json.RawMessage) (int64, bool) {
	var n *int64
	if json.Unmarshal(raw, &n) != nil || n == nil || *n < 0 {
		return 0, false
	}
	return *n, true
}

// Baseline asks for the number of rows in the window itself, without the overlap.
func (c *Client) Baseline(ctx context.Context, w conv.Window) (int64, error) {
	bounds := "?start=" + url.QueryEscape(conv.FormatInstant(w.From)) + "&end=" + url.QueryEscape(lastInstant(w))
	var answer struct {
		Count     json.RawMessage
		TotalHits json.RawMessage
	}
	if _, err := c.ask(ctx, extractor.OpBaseline, http.MethodGet, queryPath+bounds, nil, &answer); err != nil {
		return 0, err
	}
	for _, raw := range []json.RawMessage{answer.Count, answer.TotalHits} {
		if n, ok := count(raw); ok {
			return n, nil
		}
	}
	return 0, conv.ErrNoBaseline
}

// Envelope is how a results page is laid out.
func (c *Client) Envelope() extractor.Envelope {
	return extractor.Envelope{Rows: "data", Next: "nextPageToken", Count: "count"}
}

// Keys is where a row keeps its conversation id and its time.
func (c *Client) Keys() extractor.Keys {
	return extractor.Keys{ConversationID: "conversation.id", Time: "timestamp"}
}
