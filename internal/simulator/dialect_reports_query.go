package simulator

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"slices"
	"strings"
	"time"

	"convstream/internal/conv"
)

// maxBody is the longest request body the platform takes.
const maxBody = 512_000

// maxLimit is the platform's cap on the rows of a query.
const maxLimit = 10_000_000

// query is the body of a submit.
type query struct {
	start, end int64 // epoch ms, both included
	columns    columns
	filter     []clause
	limit      int
}

// The ways to understand an interval's bounds, as the faults file names them.
const (
	bothIn   = "both_in"
	startOut = "start_out"
	endOut   = "end_out"
	bothOut  = "both_out"
)

var edges = []string{bothIn, startOut, endOut, bothOut}

// within is the half-open form of the interval from start to end, epoch ms.
func within(start, end int64, edges string) conv.Window {
	w := conv.Window{From: start, To: end + 1}
	if edges == startOut || edges == bothOut {
		w.From++
	}
	if edges == endOut || edges == bothOut {
		w.To--
	}
	w.To = max(w.From, w.To)
	return w
}

// members of the body, each with the reader that checks it.
var queryMembers = []struct {
	name string
	read func(*query, json.RawMessage) error
}{
	{"interval", func(_ *query, m json.RawMessage) error { return constant(m, `"PT0S"`) }},
	{"start", func(q *query, m json.RawMessage) error { return instant(m, &q.start) }},
	{"end", func(q *query, m json.RawMessage) error { return instant(m, &q.end) }},
	{"view", func(_ *query, m json.RawMessage) error { return constant(m, `"default/conversations"`) }},
	{"select", (*query).readSelect},
	{"filter", (*query).readFilter},
	{"group", func(_ *query, m json.RawMessage) error { return constant(m, `[]`) }},
	{"limit", (*query).readLimit},
}

// readBody reads the members of a request's body.
func readBody(w http.ResponseWriter, r *http.Request) (map[string]json.RawMessage, *apiError) {
	refuse := func(e apiError) (map[string]json.RawMessage, *apiError) { return nil, &e }
	if kind, _, _ := mime.ParseMediaType(r.Header.Get("Content-Type")); kind != "application/json" {
		return refuse(apiError{Status: http.StatusUnsupportedMediaType, Code: "unsupported.media.type", Message: "Send application/json."})
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
	if err != nil {
		return refuse(apiError{Status: http.StatusRequestEntityTooLarge, Code: "request.entity.too.large",
			Message: fmt.Sprintf("Maximum bytes: %d", maxBody)})
	}
	var sent map[string]json.RawMessage
	if err := json.Unmarshal(body, &sent); err != nil || sent == nil {
		return refuse(apiError{Status: http.StatusBadRequest, Code: "bad.request", Message: "The request body is no JSON object."})
	}
	return sent, nil
}

// readQuery reads and checks the body of a submit: exactly the members above, each of its
// type.
func readQuery(w http.ResponseWriter, r *http.Request) (query, *apiError) {
	var q query
	refuse := func(e apiError) (query, *apiError) { return query{}, &e }
	sent, refusal := readBody(w, r)
	if refusal != nil {
		return query{}, refusal
	}
	for _, m := range queryMembers {
		value, ok := sent[m.name]
		if !ok {
			return refuse(invalid(m.name, "is missing"))
		}
		if err := m.read(&q, value); err != nil {
			return refuse(invalid(m.name, "%v", err))
		}
		delete(sent, m.name)
	}
	for name := range sent {
		return refuse(invalid(name, "is no member of a query"))
	}
	if q.end < q.start {
		return refuse(invalid("end", "lies before start"))
	}
	return q, nil
}

func constant(m json.RawMessage, want string) error {
	var compact bytes.Buffer
	if err := json.Compact(&compact, m); err != nil || compact.String() != want {
		return fmt.Errorf("must be %s", want)
	}
	return nil
}

func instant(m json.RawMessage, into *int64) error {
	var text string
	if json.Unmarshal(m, &text) == nil {
		if ms, ok := readInstant(text); ok {
			*into = ms
			return nil
		}
	}
	return errors.New(`must be an instant such as "2024-01-01T00:00:00.000Z"`)
}

// readInstant takes an instant in the one form that means the same in every organisation:
// UTC, three decimals, a literal Z.
func readInstant(text string) (int64, bool) {
	t, err := time.Parse(conv.InstantLayout, text)
	return t.UnixMilli(), err == nil && conv.FormatInstant(t.UnixMilli()) == text
}

func (q *query) readSelect(m json.RawMessage) error {
	var paths []string
	if err := json.Unmarshal(m, &paths); err != nil || len(paths) == 0 {
		return errors.New("must be a list of paths, and not empty")
	}
	for _, path := range paths {
		if strings.Contains(path, "*") {
			return fmt.Errorf("%q holds a wildcard", path)
		}
		q.columns |= columnOf[path] // what no row has is selected in vain
	}
	return nil
}

func (q *query) readLimit(m json.RawMessage) error {
	if json.Unmarshal(m, &q.limit) != nil || q.limit < 1 || q.limit > maxLimit {
		return fmt.Errorf("must be a whole number from 1 to %d", maxLimit)
	}
	return nil
}

// clause is one condition of a filter: a text to equal, or a number to equal or reach.
type clause struct {
	column  columns
	text    string
	number  float64
	numeric bool
	atLeast bool
}

func (q *query) readFilter(m json.RawMessage) error {
	var filter struct {
		Type    string
		Clauses []struct {
			Type, Path, Operator string
			Value                any
		}
	}
	if err := decodeStrictly(m, &filter); err != nil {
		return err
	}
	if filter.Type != "and" || filter.Clauses == nil {
		return errors.New(`must be {"type":"and","clauses":[…]}`)
	}
	for i, sent := range filter.Clauses {
		c := clause{column: columnOf[sent.Path], atLeast: sent.Operator == "gte"}
		var textual bool
		c.text, textual = sent.Value.(string)
		c.number, c.numeric = sent.Value.(float64)
		switch {
		case sent.Type != "field":
			return fmt.Errorf("clauses[%d].type must be \"field\"", i)
		case c.column == 0 || c.column == timestamp:
			return fmt.Errorf("clauses[%d].path %q cannot be filtered by", i, sent.Path)
		case !slices.Contains([]string{"eq", "gte"}, sent.Operator):
			return fmt.Errorf("clauses[%d].operator must be \"eq\" or \"gte\"", i)
		case c.column&metrics != 0 && !c.numeric:
			return fmt.Errorf("clauses[%d].value must be a number", i)
		case c.column&metrics == 0 && (!textual || c.atLeast):
			return fmt.Errorf("clauses[%d]: a text takes \"eq\" and a string", i)
		}
		q.filter = append(q.filter, c)
	}
	return nil
}

func decodeStrictly(m json.RawMessage, into any) error {
	d := json.NewDecoder(bytes.NewReader(m))
	d.DisallowUnknownFields()
	return d.Decode(into)
}

// holds says whether the row fulfils every clause. A metric that the row has not fulfils
// none.
func (q query) holds(r *Row) bool {
	return !slices.ContainsFunc(q.filter, func(c clause) bool { return !c.holds(r) })
}

func (c clause) holds(r *Row) bool {
	if c.numeric {
		value := r.Queue
		if c.column == handledTime {
			value = r.Handled
		}
		return value != none && (float64(value) == c.number || c.atLeast && float64(value) > c.number)
	}
	switch c.column {
	case interactionID:
		return r.InteractionID.String() == c.text
	case conversationID:
		return r.ConversationID != (ID{}) && r.ConversationID.String() == c.text
	case interactionType:
		return r.Type == c.text
	case customerSegment:
		return r.Segment == c.text && c.text != ""
	default:
		return r.Priority == c.text && c.text != ""
	}
}

// limited cuts a run of rows behind the last one that the query's limit allows, and counts
// those of the rest that hold its filter and are in the view.
func (w *world) limited(rows positions, q query, v view) (positions, int) {
	if len(q.filter) == 0 && w.count(rows, v) == rows.len() {
		rows.hi = min(rows.hi, rows.lo+q.limit)
		return rows, rows.len()
	}
	count := 0
	for pos := rows.lo; pos < rows.hi && count < q.limit; pos++ {
		if r, there := w.element(pos, v); there && q.holds(&r) {
			count++
			if count == q.limit {
				rows.hi = pos + 1
			}
		}
	}
	return rows, count
}
