package e2e

import (
	"context"
	"encoding/binary"
	"encoding/json"
	"maps"
	"slices"
	"testing"
	"time"

	"github.com/linkedin/goavro/v2"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/sr"

	"convstream/testcontainers"
)

// life is when a conversation was, in epoch ms.
type life struct {
	start int64
	end   int64 // 0 while it goes on
}

// livesOf is the platform's truth of now, by conversation id.
func livesOf(p *platform) map[string]life {
	lives := map[string]life{}
	for c := range p.Conversations(p.span) {
		l := life{start: c.Start}
		if c.Ended {
			l.end = c.End
		}
		lives[c.ID.String()] = l
	}
	return lives
}

// wantLives fails the test unless the newest record of every conversation in the topic tells its life, and there is no
// other conversation. It returns how many records each has.
func (w *world) wantLives(t *testing.T, want map[string]life) (records map[string]int) {
	t.Helper()
	got, records := map[string]life{}, map[string]int{}
	decode := lifeDecoder(t, w.env)
	eachRecord(t, w.env, w.topics.Rows, func(r *kgo.Record) {
		id, l := decode(r)
		if id != string(r.Key) || l.start != r.Timestamp.UnixMilli() {
			t.Fatalf("conversation %s of %d lies under key %s and time %d", id, l.start, r.Key, r.Timestamp.UnixMilli())
		}
		got[id] = l // records of one key come in the order in which they were written
		records[id]++
	})
	const shown = 10
	var wrong int
	for _, id := range slices.Sorted(maps.Keys(want)) {
		if got[id] != want[id] {
			if wrong++; wrong <= shown {
				t.Errorf("conversation %s: the topic says %v, the platform %v", id, got[id], want[id])
			}
		}
		delete(got, id)
	}
	if wrong > shown || len(got) > 0 {
		t.Errorf("%d conversations of %d are not as the platform has them, and it has none of %d in the topic", wrong, len(want), len(got))
	}
	return records
}

// lifeDecoder decodes what comes first in the value of a record, up to the times of the conversation.
func lifeDecoder(t *testing.T, env *testcontainers.Env) func(*kgo.Record) (id string, l life) {
	t.Helper()
	registry, err := sr.NewClient(sr.URLs(env.RegistryURL))
	if err != nil {
		t.Fatal(err)
	}
	codecs := map[uint32]*goavro.Codec{}
	return func(r *kgo.Record) (string, life) {
		schema := binary.BigEndian.Uint32(r.Value[1:])
		if codecs[schema] == nil {
			text, err := registry.SchemaByID(t.Context(), int(schema))
			if err != nil {
				t.Fatal(err)
			}
			codecs[schema] = headCodec(t, text.Schema)
		}
		native, _, err := codecs[schema].NativeFromBinary(r.Value[5:])
		if err != nil {
			t.Fatalf("partition %d offset %d: %v", r.Partition, r.Offset, err)
		}
		head := native.(map[string]any)
		l := life{start: head["conversationStart"].(time.Time).UnixMilli()}
		if end, ended := head["conversationEnd"].(map[string]any); ended {
			l.end = end["long.timestamp-millis"].(time.Time).UnixMilli()
		}
		return head["conversationId"].(string), l
	}
}

// headCodec is a codec of a record's first fields only: the rest of a conversation is long, and not looked at here.
func headCodec(t *testing.T, schema string) *goavro.Codec {
	t.Helper()
	var record struct {
		Type      string            `json:"type"`
		Name      string            `json:"name"`
		Namespace string            `json:"namespace"`
		Fields    []json.RawMessage `json:"fields"`
	}
	if err := json.Unmarshal([]byte(schema), &record); err != nil {
		t.Fatal(err)
	}
	last := slices.IndexFunc(record.Fields, func(raw json.RawMessage) bool {
		var f struct{ Name string }
		return json.Unmarshal(raw, &f) == nil && f.Name == "conversationStart" // id and end stand before it
	})
	record.Fields = record.Fields[:last+1]
	text, err := json.Marshal(record)
	if err != nil {
		t.Fatal(err)
	}
	codec, err := goavro.NewCodec(string(text))
	if err != nil {
		t.Fatal(err)
	}
	return codec
}

// eachRecord hands over what a read_committed consumer sees of a topic, one record at a time: a week is more than the
// test may hold at once, as the memory of a program that it starts is measured from its own.
func eachRecord(t *testing.T, env *testcontainers.Env, topic string, handle func(*kgo.Record)) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	ends, err := kadm.NewClient(env.Client(t)).ListEndOffsets(ctx, topic)
	if err != nil || ends.Error() != nil {
		t.Fatalf("ends of %s: %v, %v", topic, err, ends.Error())
	}
	left, from := map[int32]int64{}, map[int32]kgo.Offset{}
	ends.Each(func(o kadm.ListedOffset) {
		if o.Offset > 0 {
			left[o.Partition], from[o.Partition] = o.Offset, kgo.NewOffset().AtStart()
		}
	})
	// The last offset of a transaction is a control record: without them the end would not be seen.
	cl := env.Client(t, kgo.ConsumePartitions(map[string]map[int32]kgo.Offset{topic: from}),
		kgo.FetchIsolationLevel(kgo.ReadCommitted()), kgo.KeepControlRecords(), kgo.MaxBufferedRecords(10_000))
	for len(left) > 0 {
		fetches := cl.PollRecords(ctx, 1000)
		if err := fetches.Err(); err != nil {
			t.Fatalf("read %s: %v", topic, err)
		}
		fetches.EachRecord(func(r *kgo.Record) {
			if !r.Attrs.IsControl() {
				handle(r)
			}
			if r.Offset+1 >= left[r.Partition] {
				delete(left, r.Partition)
			}
		})
	}
}
