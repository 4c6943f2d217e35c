package readers_test

import (
	"context"
	"encoding/json"
	"fmt"
	"testing"
	"time"

	"github.com/linkedin/goavro/v2"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/sr"

	"convstream/testcontainers"
	"convstream/testcontainers/readers"
)

func TestMain(m *testing.M) { testcontainers.Main(m) }

const (
	conversationSchema = `{"type":"record","name":"Conversation","namespace":"genesys.analytics","fields":[
		{"name":"conversation_id","type":"string"},
		{"name":"timestamp","type":{"type":"long","logicalType":"timestamp-millis"}},
		{"name":"queue","type":["null","string"],"default":null},
		{"name":"queuetime_ms","type":["null","long"],"default":null},
		{"name":"tags","type":{"type":"array","items":"string"}}]}`
	longAboveFloat = 9007199254740993 // 2^53 + 1, which a float64 cannot hold
	rowTime        = 1755688391123
)

func TestRealReadersDecodeCommittedRows(t *testing.T) {
	env := testcontainers.RequireReal(t, testcontainers.WithRegistry())
	topic := env.Topic(t, "rows", 2, map[string]string{"retention.ms": "-1"}) // rowTime is long past
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)            // the first run downloads
	defer cancel()
	encode := encoder(ctx, t, env, topic)
	cl := env.Client(t, kgo.TransactionalID(topic), kgo.RecordPartitioner(kgo.ManualPartitioner()))
	transaction(ctx, t, cl, kgo.TryCommit, row(topic, 0, "a", encode("a")), row(topic, 1, "b", encode("b")))
	transaction(ctx, t, cl, kgo.TryAbort, row(topic, 0, "aborted", encode("aborted")))

	for _, reader := range readers.All() {
		t.Run(reader.Name, func(t *testing.T) {
			rows, err := reader.Read(ctx, env.Brokers, env.RegistryURL, topic)
			if err != nil {
				t.Fatal(err)
			}
			if len(rows) != 2 {
				t.Fatalf("%d rows, want 2: %+v", len(rows), rows)
			}
			for _, r := range rows {
				check(t, r)
			}
		})
	}
}

func check(t *testing.T, r readers.Row) {
	t.Helper()
	want := []string{"a", "b"}[r.Partition]
	if r.Key == nil || *r.Key != want || r.Offset != 0 || r.Timestamp != rowTime {
		t.Errorf("row %+v, want key %s at offset 0 and time %d", r, want, rowTime)
	}
	for field, value := range map[string]any{
		"conversation_id": want,
		"timestamp":       json.Number(fmt.Sprint(rowTime)),
		"queue":           nil,
		"queuetime_ms":    json.Number(fmt.Sprint(longAboveFloat)),
		"tags":            []any{"ä", "漢"},
	} {
		if got := r.Value[field]; fmt.Sprint(got) != fmt.Sprint(value) {
			t.Errorf("%s: %v, want %v", field, got, value)
		}
	}
}

// encoder registers the schema and returns a function that encodes a row in the Confluent wire format.
func encoder(ctx context.Context, t *testing.T, env *testcontainers.Env, topic string) func(id string) []byte {
	t.Helper()
	registry, err := sr.NewClient(sr.URLs(env.RegistryURL))
	if err != nil {
		t.Fatal(err)
	}
	schema, err := registry.CreateSchema(ctx, topic+"-value", sr.Schema{Schema: conversationSchema})
	if err != nil {
		t.Fatal(err)
	}
	codec, err := goavro.NewCodec(conversationSchema)
	if err != nil {
		t.Fatal(err)
	}
	return func(id string) []byte {
		header, err := new(sr.ConfluentHeader).AppendEncode(nil, schema.ID, nil)
		if err != nil {
			t.Fatal(err)
		}
		value, err := codec.BinaryFromNative(header, map[string]any{
			"conversation_id": id,
			"timestamp":       time.UnixMilli(rowTime),
			"queue":           nil,
			"queuetime_ms":    goavro.Union("long", int64(longAboveFloat)),
			"tags":            []any{"ä", "漢"},
		})
		if err != nil {
			t.Fatal(err)
		}
		return value
	}
}

func row(topic string, partition int32, key string, value []byte) *kgo.Record {
	return &kgo.Record{Topic: topic, Partition: partition, Key: []byte(key), Value: value, Timestamp: time.UnixMilli(rowTime)}
}

func transaction(ctx context.Context, t *testing.T, cl *kgo.Client, how kgo.TransactionEndTry, records ...*kgo.Record) {
	t.Helper()
	if err := cl.BeginTransaction(); err != nil {
		t.Fatal(err)
	}
	defer context.AfterFunc(ctx, cl.Close)()
	if err := cl.ProduceSync(ctx, records...).FirstErr(); err != nil {
		t.Fatal(err)
	}
	if err := cl.EndTransaction(ctx, how); err != nil {
		t.Fatal(err)
	}
}
