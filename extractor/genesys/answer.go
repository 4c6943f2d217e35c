package genesys

import (
	"encoding/json"
	"errors"
	"net/http"
	"time"

	"convstream/extractor"
	"convstream/internal/conv"
)

// maxJobID is the longest job id that is believed, in bytes.
const maxJobID = 256

// accepted is the job of an answer to a submission, whose id stands in the named member.
func accepted(header http.Header, member, id string) (conv.Job, error) {
	switch {
	case id == "":
		return conv.Job{}, malformed(extractor.OpSubmit, header, "the answer has no "+member)
	case len(id) > maxJobID:
		return conv.Job{}, malformed(extractor.OpSubmit, header, "the "+member+" is no id: it is too long")
	}
	return conv.Job{ID: id, Submitted: time.Now().UnixMilli(), PlatformTime: answered(header).UnixMilli()}, nil
}

// malformed is an answer of success that says nothing usable. Asking again could leave a
// job behind with every submission, so a submission is not repeated.
func malformed(op extractor.Op, header http.Header, problem string) error {
	if op == extractor.OpSubmit {
		return &extractor.APIError{
			Op: op, Status: http.StatusOK, Message: problem,
			Hint:        "check that source.base_url is the platform's API",
			Correlation: header.Get("ININ-Correlation-Id"),
		}
	}
	return errors.New(problem)
}

// encode renders a request's body.
func encode(body any) []byte {
	b, err := json.Marshal(body)
	if err != nil {
		panic(err) // strings, numbers and bools always marshal
	}
	return b
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
