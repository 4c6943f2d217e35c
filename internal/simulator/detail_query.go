package simulator

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"

	"convstream/internal/conv"
)

// detailQuery is the body of a job, or of the synchronous query.
type detailQuery struct {
	window  conv.Window // epoch ms
	filters []filter    // of which a conversation fulfils each
	order   string
	by      string

	limit      int // jobs; 0 for none
	startOfDay bool
	days       bool // whole days of starts count, not what overlaps the interval

	pageSize, pageNumber int // query
}

// queryMember is a member of a body with the reader that checks it.
type queryMember struct {
	name string
	read func(*detailQuery, json.RawMessage) error
}

// What both bodies may have. Members that the platform does not know it lets pass.
var detailMembers = []queryMember{
	{"order", func(q *detailQuery, m json.RawMessage) error { return word(m, &q.order, "QueryOrder", orders) }},
	{"orderBy", func(q *detailQuery, m json.RawMessage) error { return word(m, &q.by, "OrderBy", orderBys) }},
	{"conversationFilters", readFilters(conversationGrammar)},
	{"segmentFilters", readFilters(segmentGrammar)},
	{"evaluationFilters", readFilters(evaluationGrammar)},
	{"surveyFilters", readFilters(surveyGrammar)},
	{"resolutionFilters", readFilters(resolutionGrammar)},
}

var jobMembers = append(slices.Clone(detailMembers),
	queryMember{"interval", (*detailQuery).readInterval},
	queryMember{"limit", (*detailQuery).readRows},
	queryMember{"startOfDayIntervalMatching", func(q *detailQuery, m json.RawMessage) error { return plain(m, &q.startOfDay) }},
)

// syncMembers are those of the synchronous query, which bounds the interval.
var syncMembers = append(slices.Clone(detailMembers),
	queryMember{"interval", (*detailQuery).readShortInterval},
	queryMember{"paging", (*detailQuery).readPaging},
)

var (
	orders   = []string{"asc", "desc", "unordered"}
	orderBys = []string{"conversationStart", "conversationEnd", "segmentStart", "segmentEnd"}
)

func readDetailQuery(sent map[string]json.RawMessage, members []queryMember) (detailQuery, *apiError) {
	q := detailQuery{pageSize: 25, pageNumber: 1}
	for _, m := range members {
		value, there := sent[m.name]
		if !there || bytes.Equal(value, []byte("null")) {
			if m.name == "interval" {
				refusal := invalid(m.name, "is required")
				return q, &refusal
			}
			continue
		}
		if err := m.read(&q, value); err != nil {
			return q, badMember(m.name, err)
		}
	}
	return q, nil
}

// badMember is the refusal of a body's member. The platform has a sentence of its own for
// some mistakes, which then stands alone.
func badMember(name string, err error) *apiError {
	refusal := invalid(name, "%v", err)
	var own *ownSentence
	if errors.As(err, &own) {
		refusal.Message, refusal.Code = own.text, own.code
		refusal.Details[0].ErrorCode = own.code
	}
	return &refusal
}

type ownSentence struct{ code, text string }

func (o *ownSentence) Error() string { return o.text }

var badDates = &ownSentence{"invalid.date", "Dates must be specified as ISO-8601 strings. For example: yyyy-MM-ddTHH:mm:ss.SSSZ"}

// plain reads a member of a plain type.
func plain[T any](m json.RawMessage, into *T) error {
	if json.Unmarshal(m, into) != nil {
		return fmt.Errorf("must be a %T", *into)
	}
	return nil
}

// word reads one of the words of an enum.
func word(m json.RawMessage, into *string, kind string, known []string) error {
	if err := plain(m, into); err != nil {
		return err
	}
	return oneOf(*into, kind, known)
}

func oneOf(word, kind string, known []string) error {
	if slices.Contains(known, word) {
		return nil
	}
	return &ownSentence{"invalid.value", fmt.Sprintf("Value [%s] is not valid for field type [%s]. Allowable values are: %s",
		word, kind, strings.Join(known, ", "))}
}

// readInterval reads two ISO 8601 instants with a slash between them. Without an offset they
// are UTC.
func (q *detailQuery) readInterval(m json.RawMessage) error {
	var text string
	if err := plain(m, &text); err != nil {
		return err
	}
	from, to, both := strings.Cut(text, "/")
	var ok, okTo bool
	q.window.From, _, ok = conv.ParseTimestamp([]byte(from))
	q.window.To, _, okTo = conv.ParseTimestamp([]byte(to))
	if !both || !ok || !okTo {
		return badDates
	}
	if q.window.From >= q.window.To {
		return fmt.Errorf("%q ends before it starts, or where", text)
	}
	return nil
}

func (q *detailQuery) readShortInterval(m json.RawMessage) error {
	if err := q.readInterval(m); err != nil {
		return err
	}
	if q.window.To-q.window.From > 31*24*hour {
		return &ownSentence{"bad.request", "You must specify a search interval as part of your query that does not exceed 31 days."}
	}
	return nil
}

func (q *detailQuery) readRows(m json.RawMessage) error {
	if json.Unmarshal(m, &q.limit) != nil || q.limit < 1 {
		return errors.New("must be a whole number above 0")
	}
	return nil
}

func (q *detailQuery) readPaging(m json.RawMessage) error {
	var paging struct{ PageSize, PageNumber *int }
	if json.Unmarshal(m, &paging) != nil || paging.PageSize == nil || paging.PageNumber == nil {
		return errors.New("needs pageSize and pageNumber, both whole numbers")
	}
	q.pageSize, q.pageNumber = *paging.PageSize, *paging.PageNumber
	if q.pageSize < 1 || q.pageSize > 100 || q.pageNumber < 1 {
		return fmt.Errorf("pageSize %d is not 1 to 100, or pageNumber %d below 1", q.pageSize, q.pageNumber)
	}
	return nil
}

// either tells the two requests apart that share a method and a path: a submit of the
// dialect reports names a view and a selection, a query of the dialect jobs neither.
func either(reports, jobs http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		head, err := io.ReadAll(io.LimitReader(r.Body, maxBody))
		if err != nil {
			panic(http.ErrAbortHandler) // the client is gone
		}
		r.Body = io.NopCloser(io.MultiReader(bytes.NewReader(head), r.Body))
		var sent map[string]json.RawMessage
		_ = json.Unmarshal(head, &sent) // what is no JSON is told so by either
		_, view := sent["view"]
		_, selection := sent["select"]
		if view || selection {
			reports.ServeHTTP(w, r)
			return
		}
		jobs.ServeHTTP(w, r)
	})
}

// walk returns the order in which the query looks at the conversations that start in the
// window. What is ordered by ends takes memory for its indexes, unlike all else here.
func (w *world) walk(q *detailQuery, win conv.Window, v view) walk {
	k := walk{lo: w.first(win.From), hi: w.first(win.To), desc: q.order == "desc"}
	if q.by != "conversationEnd" && q.by != "segmentEnd" || q.order == "unordered" {
		return k // a conversation starts with its first segment
	}
	k.sorted = make([]int, k.len())
	for n := range k.sorted {
		k.sorted[n] = k.lo + n
	}
	slices.SortStableFunc(k.sorted, func(a, b int) int {
		endA, endedA := w.end(a, v)
		endB, endedB := w.end(b, v)
		switch {
		case endedA != endedB && endedA:
			return -1 // what goes on has no end to come before
		case endedA != endedB:
			return 1
		case !endedA:
			return 0
		}
		return int(endA - endB)
	})
	return k
}
