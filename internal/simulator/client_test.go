package simulator

import (
	"encoding/hex"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"convstream/internal/conv"
)

var day = conv.Window{From: ms("2024-01-01T00:00:00Z"), To: ms("2024-01-02T00:00:00Z")}

func ms(text string) int64 {
	t, err := time.Parse(time.RFC3339Nano, text)
	if err != nil {
		t, err = time.Parse(time.RFC3339Nano, text+"Z") // a time that names no zone
	}
	if err != nil {
		panic(err)
	}
	return t.UnixMilli()
}

func start(t testing.TB, cfg Config) *client {
	t.Helper()
	if cfg.Window == (conv.Window{}) {
		cfg.Window = day
	}
	s, err := New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return &client{t: t, sim: s}
}

// client speaks the wire as a stranger would: with encoding/json and net/url only.
type client struct {
	t     testing.TB
	sim   *Simulator
	token string
}

// cut is the status of a request whose connection was cut.
const cut = 0

// send returns status, header and body. It asks for no token of its own.
func (c *client) send(method, target, body string) (int, http.Header, []byte) {
	r := httptest.NewRequest(method, target, strings.NewReader(body))
	r.Header.Set("Authorization", "Bearer "+c.token)
	if body != "" {
		r.Header.Set("Content-Type", "application/json")
	}
	return c.serve(r)
}

func (c *client) serve(r *http.Request) (status int, header http.Header, body []byte) {
	w := httptest.NewRecorder()
	defer func() {
		if e := recover(); e != nil {
			if e != http.ErrAbortHandler {
				panic(e)
			}
			status, header, body = cut, w.Header(), w.Body.Bytes()
		}
	}()
	c.sim.ServeHTTP(w, r)
	return w.Code, w.Header(), w.Body.Bytes()
}

func (c *client) login() {
	c.t.Helper()
	var grant struct {
		AccessToken string `json:"access_token"`
	}
	_, _, text := c.grant()
	c.decode(text, &grant)
	c.token = grant.AccessToken
}

// grant asks for a token.
func (c *client) grant() (int, http.Header, []byte) {
	r := httptest.NewRequest("POST", "/oauth/token", strings.NewReader("grant_type=client_credentials"))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.SetBasicAuth(DefaultClientID, DefaultClientSecret)
	return c.serve(r)
}

func (c *client) decode(body []byte, into any) {
	c.t.Helper()
	if err := json.Unmarshal(body, into); err != nil {
		c.t.Fatalf("%v in %.200q", err, body)
	}
}

// want sends and insists on the status.
func (c *client) want(status int, method, target, body string) []byte {
	c.t.Helper()
	if c.token == "" {
		c.login()
	}
	got, _, answer := c.send(method, target, body)
	if got != status {
		c.t.Fatalf("%s %s: status %d, want %d: %.300s", method, target, got, status, answer)
	}
	return answer
}

// body is a submit body for the closed interval that stands for the window.
func body(w conv.Window) map[string]any {
	return map[string]any{
		"interval": "PT0S",
		"start":    conv.FormatInstant(w.From),
		"end":      conv.FormatInstant(w.To - 1),
		"view":     "default/conversations",
		"select": []string{"interaction.id", "interaction.type", "conversation.id", "timestamp",
			"attributes.custom.customer_segment", "attributes.custom.case_priority",
			"metrics.queuetime.ms", "metrics.handledtime.ms"},
		"filter": map[string]any{"type": "and", "clauses": []any{}},
		"group":  []any{},
		"limit":  1_000_000,
	}
}

func marshal(t testing.TB, v any) string {
	t.Helper()
	text, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func (c *client) submit(body map[string]any) string {
	c.t.Helper()
	var a struct{ QueryID, Status string }
	c.decode(c.want(200, "POST", pathQuery, marshal(c.t, body)), &a)
	if a.QueryID == "" || a.Status != "pending" {
		c.t.Fatalf("submit answered %+v", a)
	}
	return a.QueryID
}

func (c *client) status(id string) (a jobStatus) {
	c.t.Helper()
	c.decode(c.want(200, "GET", pathReports+id, ""), &a)
	return a
}

type page struct {
	Data          []json.RawMessage
	NextPageToken *string
}

func resultsPath(id string, token *string) string {
	if token == nil {
		return pathReports + id + "/results"
	}
	return pathReports + id + "/results?pageToken=" + url.QueryEscape(*token)
}

// read pages through the job and returns its pages.
func (c *client) read(id string) (pages []page) {
	c.t.Helper()
	var token *string
	for {
		var p page
		c.decode(c.want(200, "GET", resultsPath(id, token), ""), &p)
		pages = append(pages, p)
		if p.NextPageToken == nil {
			return pages
		}
		token = p.NextPageToken
	}
}

// rows reads a window through a job and drops repeats by interaction.id.
func (c *client) rows(body map[string]any) []Row {
	c.t.Helper()
	var rows []Row
	seen := map[ID]bool{}
	for _, p := range c.read(c.submit(body)) {
		for _, raw := range p.Data {
			if r := decodeRow(c.t, raw); !seen[r.InteractionID] {
				seen[r.InteractionID] = true
				rows = append(rows, r)
			}
		}
	}
	return rows
}

// decodeRow reads a row in any spelling, slowly.
func decodeRow(t testing.TB, raw []byte) Row {
	t.Helper()
	var tree map[string]any
	if err := json.Unmarshal(raw, &tree); err != nil {
		t.Fatalf("%v in %.300q", err, raw)
	}
	flat := map[string]any{}
	flatten(flat, "", tree)
	r := Row{Queue: -1, Handled: -1}
	for key, value := range flat {
		if value == nil {
			continue
		}
		switch key {
		case "interaction.id":
			r.InteractionID = parseID(t, value.(string))
		case "conversation.id":
			r.ConversationID = parseID(t, value.(string))
		case "interaction.type":
			r.Type = value.(string)
		case "timestamp":
			r.Time = ms(value.(string))
		case "attributes.custom.customer_segment":
			r.Segment = value.(string)
		case "attributes.custom.case_priority":
			r.Priority = value.(string)
		case "metrics.queuetime.ms":
			r.Queue = int64(value.(float64))
		case "metrics.handledtime.ms":
			r.Handled = int64(value.(float64))
		default:
			t.Fatalf("unknown column %s in %.300q", key, raw)
		}
	}
	return r
}

func flatten(into map[string]any, prefix string, tree map[string]any) {
	for key, value := range tree {
		if sub, ok := value.(map[string]any); ok {
			flatten(into, prefix+key+".", sub)
		} else if prefix+key != "attributes.custom" {
			into[prefix+key] = value
		}
	}
}

func parseID(t testing.TB, text string) (id ID) {
	t.Helper()
	n, err := hex.Decode(id[:], []byte(strings.ReplaceAll(text, "-", "")))
	if err != nil || n != len(id) || len(text) != 36 {
		t.Fatalf("%q is no UUID", text)
	}
	return id
}
