package app

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/twmb/franz-go/pkg/kgo"

	"convstream/internal/conv"
)

func TestTailPrintsARecordWithItsHeaders(t *testing.T) {
	mark := conv.Mark{Identity: 1, Fingerprint: 2, Time: 3, Observation: 4}.Append(nil)
	for name, c := range map[string]struct {
		key, value []byte
		headers    []kgo.RecordHeader
		want       string
	}{
		"a row": {
			[]byte("c-1"), []byte(`{"id":"a"}`), []kgo.RecordHeader{{Key: "cs-window", Value: []byte("p/acme/a/b")}, {Key: conv.MarkHeader, Value: mark}},
			`{"key":"c-1","timestamp":"1970-01-01T00:00:01.500Z","partition":2,"offset":7,"headers":{"cs-mark":"01` +
				`0000000000000001` + `0000000000000002` + `0000000000000003` + `00000004","cs-window":"p/acme/a/b"},"value":{"id":"a"}}`,
		},
		"a dead letter that was cut": {
			nil, []byte(`{"id":"a`), []kgo.RecordHeader{{Key: "cs-encoding", Value: []byte("head")}},
			`{"key":null,"timestamp":"1970-01-01T00:00:01.500Z","partition":2,"offset":7,"headers":{"cs-encoding":"head"},"value":"{\"id\":\"a"}`,
		},
		"a dead letter that is packed": {
			[]byte("c-1"), []byte{0x1f, 0x8b, 0x08}, nil,
			`{"key":"c-1","timestamp":"1970-01-01T00:00:01.500Z","partition":2,"offset":7,"headers":{},"value":"1f8b08"}`,
		},
		"what was deleted": {
			[]byte("c-1"), nil, nil, `{"key":"c-1","timestamp":"1970-01-01T00:00:01.500Z","partition":2,"offset":7,"headers":{},"value":null}`,
		},
	} {
		rec := &kgo.Record{Key: c.key, Value: c.value, Headers: c.headers, Timestamp: time.UnixMilli(1500), Partition: 2, Offset: 7}
		var out strings.Builder
		if err := printJSON(&out, newTailed(rec, c.value)); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(c.want+"\n", out.String()); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}
