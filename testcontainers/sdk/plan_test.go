package sdk

import (
	"time"

	"convstream/internal/simulator"
)

// plan is what a program that has an SDK is to do, in this order and to these platforms.
type plan struct {
	// A platform without faults: wrong credentials, the watermark, a job that is cancelled, jobs, queries, mistakes.
	Plain string `json:"plain"`
	// One job is one too many here: two are submitted.
	Busy      string `json:"busy"`      // it says how long to wait, and the second is submitted until it is taken
	Unhelpful string `json:"unhelpful"` // it has no Retry-After
	// What is missing here are permissions.
	Agent  string `json:"agent"`  // that to ask for the watermark
	Nobody string `json:"nobody"` // all

	ClientID     string `json:"clientId"`
	ClientSecret string `json:"clientSecret"`
	PollMs       int    `json:"pollMs"`

	Jobs     []named `json:"jobs"` // the first is also the body of every other job
	PageSize int     `json:"pageSize"`

	Query         body `json:"query"` // for every page up to an empty one
	QueryPageSize int  `json:"queryPageSize"`

	BadJobs    []named `json:"badJobs"`
	LongQuery  body    `json:"longQuery"`
	UnknownJob string  `json:"unknownJob"`
}

type body map[string]any

type named struct {
	Name string `json:"name"`
	Body body   `json:"body"`
}

// findings are what the SDK gave. Instants are epoch milliseconds, null for none.
type findings struct {
	Available *int64             `json:"available"`
	Cancelled cancelled          `json:"cancelled"`
	Jobs      []foundJob         `json:"jobs"`
	Query     foundQuery         `json:"query"`
	Refusals  map[string]refusal `json:"refusals"`
	Enums     []enum             `json:"enums"` // where the SDK's models have them
}

// enum is a member of a job's body that takes one of some words.
type enum struct {
	Name    string   `json:"name"`
	Words   []string `json:"words"`   // that the SDK knows
	Refused refusal  `json:"refused"` // another one, with the words that the platform knows
}

type cancelled struct {
	Before  string  `json:"before"` // state
	Status  int     `json:"status"` // of the DELETE
	After   string  `json:"after"`  // state
	Results refusal `json:"results"`
}

type foundJob struct {
	Name      string   `json:"name"`
	States    []string `json:"states"` // without repeats
	Submitted *int64   `json:"submitted"`
	Completed *int64   `json:"completed"`
	Expires   *int64   `json:"expires"`
	Pages     []struct {
		Rows      int    `json:"rows"`
		Available *int64 `json:"available"`
	} `json:"pages"`
	Conversations []conversation `json:"conversations"`
}

type foundQuery struct {
	TotalHits     []int          `json:"totalHits"` // of each page
	Pages         []int          `json:"pages"`     // conversations of each page
	Conversations []conversation `json:"conversations"`
}

type conversation struct {
	ID    string `json:"id"`
	Start *int64 `json:"start"`
	End   *int64 `json:"end"`
	Whole any    `json:"whole"` // its members as the SDK has them
}

// refusal is an answer that the SDK took for an error; its status is 0 where it did not.
type refusal struct {
	Status  int               `json:"status"`
	Headers map[string]string `json:"headers"` // names in lower case
	Body    errorBody         `json:"body"`
}

// errorBody is what clients rely on of the platform's ErrorBody.
type errorBody struct {
	Message       string            `json:"message"`
	Code          string            `json:"code"`
	Status        int               `json:"status"`
	ContextID     string            `json:"contextId"`
	MessageParams map[string]string `json:"messageParams"`
	Details       []errorDetail     `json:"details"`
	Limit         *limit            `json:"limit"`
}

type errorDetail struct {
	FieldName string `json:"fieldName"`
}

type limit struct {
	Key       string `json:"key"`
	Namespace string `json:"namespace"`
	Value     int    `json:"value"`
}

// What the platforms are set up to, and the plan goes by.
const (
	jobTime   = 300 * time.Millisecond
	kept      = 7 * 24 * time.Hour // a job's result
	watermark = "2024-01-05T12:00:00.250Z"
)

// faults of each platform.
const (
	plainFaults     = "{job_time: 300ms, watermark: {at: 2024-01-05T12:00:00.250Z}, gzip: true, script: {endless: [1]}}"
	busyFaults      = "{jobs_in_flight: 1, retry_after: 1, script: {stalled: [{job: 1, for: 5s}]}}"
	unhelpfulFaults = "{jobs_in_flight: 1, limit_answer: headers, script: {endless: [1]}}"
	agentFaults     = "{missing_permissions: [analytics:conversationDetail:view]}"
	nobodyFaults    = "{missing_permissions: [analytics:conversationDetail:view, analytics:agentConversationDetail:view]}"
)

func newPlan() plan {
	p := plan{
		ClientID: simulator.DefaultClientID, ClientSecret: simulator.DefaultClientSecret,
		PollMs: 50, PageSize: 70, QueryPageSize: 100,
		Query:     body{"interval": lastMillisecond(day), "order": "asc", "orderBy": "conversationStart"},
		LongQuery: body{"interval": interval{date(1), date(33)}.String()},
		BadJobs: []named{
			{"no interval", body{"order": "asc"}},
			{"dates that are none", body{"interval": "yesterday/today"}},
			{"an order that is none", body{"interval": day.String(), "order": "sideways"}},
		},
		UnknownJob: "00000000-0000-4000-8000-000000000000",
	}
	for _, j := range jobs {
		p.Jobs = append(p.Jobs, named{j.name, j.body})
	}
	return p
}

// lastMillisecond writes the interval so that it does not touch the day on which it ends.
func lastMillisecond(i interval) string {
	return i.from.Format(time.RFC3339) + "/" + i.to.Add(-time.Millisecond).Format("2006-01-02T15:04:05.000Z07:00")
}
