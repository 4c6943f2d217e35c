package simulator

import (
	"encoding/json"
	"net/url"
	"slices"
	"strconv"
	"testing"

	"convstream/internal/conv"
)

// detailsPage is a results page of the dialect jobs.
type detailsPage struct {
	Conversations        []json.RawMessage
	Cursor               string
	DataAvailabilityDate string
}

type detailsState struct {
	State, ErrorMessage, SubmissionDate, CompletionDate, ExpirationDate string
}

// ask is a job's body for the window, with more members on top.
func ask(w conv.Window, more ...any) map[string]any {
	b := map[string]any{"interval": w.String()}
	for i := 0; i < len(more); i += 2 {
		b[more[i].(string)] = more[i+1]
	}
	return b
}

// one is a filter with one predicate.
func one(predicate map[string]any) []any {
	return []any{map[string]any{"type": "and", "predicates": []any{predicate}}}
}

func matches(dimension, value string) map[string]any {
	return map[string]any{"type": "dimension", "dimension": dimension, "operator": "matches", "value": value}
}

func (c *client) job(body map[string]any) string {
	c.t.Helper()
	var a struct{ JobID string }
	c.decode(c.want(202, "POST", pathJobs, marshal(c.t, body)), &a)
	if a.JobID == "" {
		c.t.Fatal("no jobId")
	}
	return a.JobID
}

func (c *client) state(id string) (a detailsState) {
	c.t.Helper()
	c.decode(c.want(200, "GET", pathJobs+"/"+id, ""), &a)
	return a
}

func detailsPath(id, cursor string, size int) string {
	form := url.Values{}
	if cursor != "" {
		form.Set("cursor", cursor)
	}
	if size > 0 {
		form.Set("pageSize", strconv.Itoa(size))
	}
	return pathJobs + "/" + id + "/results?" + form.Encode()
}

func (c *client) details(id, cursor string, size int) (p detailsPage) {
	c.t.Helper()
	c.decode(c.want(200, "GET", detailsPath(id, cursor, size), ""), &p)
	return p
}

// walk pages through a job.
func (c *client) walk(id string, size int) (pages []detailsPage) {
	c.t.Helper()
	cursor := ""
	for {
		p := c.details(id, cursor, size)
		pages = append(pages, p)
		if cursor = p.Cursor; cursor == "" {
			return pages
		}
	}
}

// bodies are the conversations that the job with the body brings.
func (c *client) bodies(body map[string]any) (all []string) {
	c.t.Helper()
	for _, p := range c.walk(c.job(body), 0) {
		for _, raw := range p.Conversations {
			all = append(all, string(raw))
		}
	}
	return all
}

// truths are the bodies of the true conversations that hold the condition.
func (c *client) truths(w conv.Window, holds func(Conversation) bool) (all []string) {
	for t := range c.sim.Conversations(w) {
		if holds(t) {
			all = append(all, string(t.Body))
		}
	}
	return all
}

func everyOne(Conversation) bool { return true }

// overlapping says whether a conversation has part in the window.
func overlapping(c *client, w conv.Window) func(Conversation) bool {
	return func(t Conversation) bool { return t.Start < w.To && t.lastSign(c) >= w.From }
}

// lastSign is when anything last happened in the conversation: its end, or where it has
// none, what the world drew for it.
func (t Conversation) lastSign(c *client) int64 {
	if t.Ended {
		return t.End
	}
	for i := c.sim.world.first(t.Start); ; i++ {
		if c.sim.world.callID(i) == t.ID {
			life, _ := c.sim.world.life(i)
			return t.Start + life
		}
	}
}

func parsed(t testing.TB, body string) (c conversation) {
	t.Helper()
	if err := json.Unmarshal([]byte(body), &c); err != nil {
		t.Fatal(err)
	}
	return c
}

// sessions says whether any session of the conversation holds the condition.
func (c *conversation) sessions(holds func(session) bool) bool {
	return slices.ContainsFunc(c.Participants, func(p participant) bool { return slices.ContainsFunc(p.Sessions, holds) })
}
