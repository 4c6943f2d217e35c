package readers_test

import (
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/sr"

	"convstream/avro"
	"convstream/extractor"
	"convstream/internal/conv"
	"convstream/testcontainers"
	"convstream/testcontainers/readers"
)

// contracted is a contract with rows of it, and what a reader has to see of each. The rows are those of one page.
type contracted struct {
	avsc string
	page string
	seen []map[string]any
}

// id is the field by which a row is told from those of other contracts.
const idField = `{"name":"id","source":"row.id","type":"string","required":true,"identity":true}`

// randomContracts makes contracts with so many rows each.
func randomContracts(seed uint64, contracts, rows int) []contracted {
	m := &maker{Rand: rand.New(rand.NewPCG(seed, 0))}
	all := make([]contracted, contracts)
	for i := range all {
		c := &all[i]
		var n int
		fields := []fieldOf{{idField, func(o *object, seen map[string]any) {
			id := fmt.Sprintf("%d/%d", i, n)
			o.put(m.split("row.id"), `"`+id+`"`)
			seen["id"] = id
			n++
		}}}
		for range 2 + m.IntN(8) {
			fields = append(fields, m.field(0))
		}
		c.avsc = recordOf(m.name("Contract"), fields)
		var page []string
		for range rows {
			text, seen := m.object(fields)
			page, c.seen = append(page, text), append(c.seen, seen)
		}
		c.page = `{"data":[` + strings.Join(page, ",") + `]}`
	}
	return all
}

// seedOf is the seed that the environment asks for, or always the same.
func seedOf(t *testing.T) uint64 {
	t.Helper()
	text := os.Getenv("CONVSTREAM_E2E_SEED")
	if text == "" {
		return 2026
	}
	seed, err := strconv.ParseUint(text, 10, 64)
	if err != nil {
		t.Fatal(err)
	}
	return seed
}

// encode encodes the rows of a page, as the program does.
func (c *contracted) encode(t *testing.T, schemaID uint32) (values [][]byte) {
	t.Helper()
	contract, err := avro.Parse([]byte(c.avsc))
	if err != nil {
		t.Fatalf("%v: %s", err, c.avsc)
	}
	contract = contract.WithKey(key)
	splitter := extractor.NewSplitter(extractor.Envelope{Rows: "data"}, extractor.Keys{})
	err = splitter.Split(strings.NewReader(c.page), conv.Position{}, func(chunk conv.Chunk) error {
		for i := range chunk.Rows {
			value, facts := contract.Encode(nil, schemaID, &chunk.Rows[i], nil)
			if facts.Reject != nil {
				t.Fatalf("row %s by %s: %+v", chunk.Rows[i].Raw, c.avsc, *facts.Reject)
			}
			values = append(values, value)
		}
		return nil
	})
	if err != nil {
		t.Fatalf("%v: %s", err, c.page)
	}
	return values
}

func TestRandomContractsHaveRowsOfEveryType(t *testing.T) {
	all := randomContracts(1, 50, 20)
	var schemas string
	for i := range all {
		c := &all[i]
		schemas += c.avsc
		if n := len(c.encode(t, 1)); n != 20 {
			t.Errorf("contract %d has %d rows, want 20", i, n)
		}
	}
	for _, word := range []string{
		`"string"`, `"long"`, `"int"`, `"double"`, `"float"`, `"boolean"`, "timestamp-millis", "timestamp-micros", "local-timestamp-millis", `"date"`,
		"time-millis", "time-micros", "uuid", "enum", `"bytes"`, `"fixed"`, `"array"`, `"map"`, `"record"`, `"mask"`, `"hash"`, `"drop"`,
	} {
		if !strings.Contains(schemas, word) {
			t.Errorf("no contract has %s", word)
		}
	}
}

func TestRealReadersDecodeFiftyRandomContractsToTheTruth(t *testing.T) {
	env := testcontainers.RequireReal(t, testcontainers.WithRegistry())
	topic := env.Topic(t, "random", 3, map[string]string{"retention.ms": "-1"})
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute) // the first run downloads
	defer cancel()
	registry, err := sr.NewClient(sr.URLs(env.RegistryURL))
	if err != nil {
		t.Fatal(err)
	}
	seed := seedOf(t)
	t.Logf("the contracts are those of CONVSTREAM_E2E_SEED=%d", seed)
	want := map[string]map[string]any{}
	var records []*kgo.Record
	for i, c := range randomContracts(seed, 50, 20) {
		schema, err := registry.CreateSchema(ctx, fmt.Sprintf("%s-%d-value", topic, i), sr.Schema{Schema: c.avsc})
		if err != nil {
			t.Fatalf("%v: %s", err, c.avsc)
		}
		for n, value := range c.encode(t, uint32(schema.ID)) {
			id := c.seen[n]["id"].(string)
			records = append(records, &kgo.Record{Topic: topic, Key: []byte(id), Value: value})
			want[id] = c.seen[n]
		}
	}
	cl := env.Client(t, kgo.TransactionalID(topic))
	transaction(ctx, t, cl, kgo.TryCommit, records...)
	for _, reader := range readers.All() {
		t.Run(reader.Name, func(t *testing.T) {
			rows, err := reader.Read(ctx, env.Brokers, env.RegistryURL, topic)
			if err != nil {
				t.Fatal(err)
			}
			if len(rows) != len(records) {
				t.Errorf("%d records, want %d", len(rows), len(records))
			}
			got := map[string]map[string]any{}
			for _, r := range rows {
				got[*r.Key] = r.Value
			}
			if diff := cmp.Diff(want, got, cmp.Comparer(sameNumber)); diff != "" {
				t.Errorf("the reader differs from the truth (-truth +reader):\n%.4000s", diff)
			}
		})
	}
}

// sameNumber says whether two numbers are the same digits, or spell the same fraction.
func sameNumber(a, b json.Number) bool {
	if !strings.ContainsAny(string(a+b), ".eE") {
		return a == b
	}
	x, errX := a.Float64()
	y, errY := b.Float64()
	return errX == nil && errY == nil && x == y
}
