package genesys

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"convstream/extractor"
	"convstream/internal/conv"
)

const jobsPath = "/api/v2/analytics/conversations/details/jobs"

// jobs is the platform's public API.
type jobs struct {
	*wire
	conversation, segment []condition
	pageSize              int
}

func newJobs(c *Config, w *wire) *jobs {
	conversation, segment, _ := conditions(c.Filter) // validate has tried it
	return &jobs{wire: w, conversation: conversation, segment: segment, pageSize: c.PageSize}
}

const (
	inDivisions  = ", in every division whose conversations are wanted" + licence
	anyOfTwo     = "permission analytics:conversationDetail:view or analytics:agentConversationDetail:view" + inDivisions
	firstOfThese = "permission analytics:conversationDetail:view (analytics:agentConversationDetail:view does not do)" + inDivisions
)

// jobsPermissions is what each call asks of the OAuth client's role.
var jobsPermissions = map[extractor.Op]string{
	extractor.OpSubmit:       anyOfTwo,
	extractor.OpStatus:       anyOfTwo,
	extractor.OpResults:      anyOfTwo,
	extractor.OpCancel:       anyOfTwo,
	extractor.OpBaseline:     anyOfTwo,
	extractor.OpAvailability: firstOfThese,
}

// jobQuery is the body of a submit request: these members, in this order, so that the same
// window always gives the same bytes.
type jobQuery struct {
	Interval            string      `json:"interval"`
	Order               string      `json:"order"`
	OrderBy             string      `json:"orderBy"`
	StartOfDay          bool        `json:"startOfDayIntervalMatching"`
	ConversationFilters []condition `json:"conversationFilters,omitempty"`
	SegmentFilters      []condition `json:"segmentFilters,omitempty"`
}

func (j *jobs) render(interval string) []byte {
	return encode(jobQuery{
		Interval:            interval,
		Order:               "asc",
		OrderBy:             "conversationStart",
		StartOfDay:          false, // every conversation whose life overlaps the interval
		ConversationFilters: j.conversation,
		SegmentFilters:      j.segment,
	})
}

func (j *jobs) body(w conv.Window) []byte { return j.render(w.String()) }
func (j *jobs) question() []byte          { return j.render("") }

// Submit asks for the conversations that were alive in the window.
func (j *jobs) Submit(ctx context.Context, w conv.Window) (conv.Job, error) {
	var answer struct {
		JobID string `json:"jobId"`
	}
	header, err := j.ask(ctx, request{op: extractor.OpSubmit, method: http.MethodPost, path: jobsPath, body: j.body(w)}, &answer)
	if err != nil {
		return conv.Job{}, err
	}
	return accepted(header, "jobId", answer.JobID)
}

func (j *jobs) path(job conv.Job) string { return jobsPath + "/" + url.PathEscape(job.ID) }

// jobWords are the states of a job as the dialect spells them, and no other way.
var jobWords = map[string]conv.JobState{
	"QUEUED":    conv.JobQueued,
	"PENDING":   conv.JobRunning,
	"FULFILLED": conv.JobDone,
	"FAILED":    conv.JobFailed,
	"CANCELLED": conv.JobLost,
	"EXPIRED":   conv.JobLost,
}

// Status asks where the job stands. Only the state itself has to be in the answer.
func (j *jobs) Status(ctx context.Context, job conv.Job) (conv.JobStatus, error) {
	var answer struct {
		State        *string
		ErrorMessage json.RawMessage
	}
	if _, err := j.ask(ctx, request{op: extractor.OpStatus, method: http.MethodGet, path: j.path(job)}, &answer); err != nil {
		return conv.JobStatus{}, err
	}
	if answer.State == nil {
		return conv.JobStatus{}, errors.New("the answer has no state")
	}
	return conv.JobStatus{
		State:    jobWords[*answer.State],
		Word:     cut(*answer.State),
		Progress: -1,
		Error:    said(answer.ErrorMessage),
		Count:    -1,
	}, nil
}

// Page opens a results page.
func (j *jobs) Page(ctx context.Context, job conv.Job, token string) (io.ReadCloser, error) {
	path := j.path(job) + "/results?pageSize=" + strconv.Itoa(j.pageSize)
	if token != "" {
		path += "&cursor=" + url.QueryEscape(token)
	}
	return j.open(ctx, request{op: extractor.OpResults, method: http.MethodGet, path: path})
}

// Cancel deletes the job.
func (j *jobs) Cancel(ctx context.Context, job conv.Job) error {
	_, err := j.ask(ctx, request{op: extractor.OpCancel, method: http.MethodDelete, path: j.path(job)}, nil)
	return err
}

// countQuery is the body of a synchronous query that asks for a count.
type countQuery struct {
	Interval            string      `json:"interval"`
	ConversationFilters []condition `json:"conversationFilters,omitempty"`
	SegmentFilters      []condition `json:"segmentFilters,omitempty"`
	Paging              paging      `json:"paging"`
}

type paging struct {
	PageSize   int `json:"pageSize"`
	PageNumber int `json:"pageNumber"`
}

// maxCounted is the longest window that the synchronous query counts.
const maxCounted = 31 * 24 * time.Hour

// Baseline asks how many conversations started on the days of the window. The platform
// counts whole days of UTC, so that the window has to be some, 31 at most.
func (j *jobs) Baseline(ctx context.Context, w conv.Window) (int64, error) {
	if day := (24 * time.Hour).Milliseconds(); w.From%day != 0 || w.To%day != 0 || w.Duration() > maxCounted {
		return 0, fmt.Errorf("%w: it counts whole days of UTC, 31 at most", conv.ErrNoBaseline)
	}
	body := encode(countQuery{
		// Whether an end at midnight touches the day behind it is documented nowhere.
		Interval:            conv.FormatInstant(w.From) + "/" + lastInstant(w),
		ConversationFilters: j.conversation,
		SegmentFilters:      j.segment,
		Paging:              paging{PageSize: 1, PageNumber: 1},
	})
	var answer struct{ TotalHits json.RawMessage }
	if _, err := j.ask(ctx, request{op: extractor.OpBaseline, method: http.MethodPost, path: queryPath, body: body}, &answer); err != nil {
		return 0, err
	}
	if n, ok := count(answer.TotalHits); ok {
		return n, nil
	}
	return 0, fmt.Errorf("%w: the answer has no totalHits", conv.ErrNoBaseline)
}

// Availability asks for the watermark. Without one, nobody could say what a job has seen.
func (j *jobs) Availability(ctx context.Context) (int64, error) {
	var answer struct{ DataAvailabilityDate json.RawMessage }
	if _, err := j.ask(ctx, request{op: extractor.OpAvailability, method: http.MethodGet, path: jobsPath + "/availability"}, &answer); err != nil {
		return 0, err
	}
	ms, _, ok := conv.ParseTimestamp([]byte(said(answer.DataAvailabilityDate)))
	if !ok {
		return 0, fmt.Errorf("the answer's dataAvailabilityDate is %q: want a date-time", said(answer.DataAvailabilityDate))
	}
	return ms, nil
}

// Envelope is how a results page is laid out.
func (j *jobs) Envelope() extractor.Envelope {
	return extractor.Envelope{Rows: "conversations", Next: "cursor", Available: "dataAvailabilityDate"}
}

// Keys is where a conversation keeps its id and its times.
func (j *jobs) Keys() extractor.Keys {
	return extractor.Keys{ConversationID: "conversationId", Time: "conversationStart", End: "conversationEnd"}
}
