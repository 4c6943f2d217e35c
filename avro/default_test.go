package avro

import (
	"fmt"
	"math/big"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	hamba "github.com/hamba/avro/v2"
)

// A consumer whose schema is newer than a row takes defaults from the schema, and of newer rows it gets
// what convstream published instead.
func TestADefaultIsPublishedAsConsumersTakeItFromTheSchema(t *testing.T) {
	made := &contractMaker{rng: rand.New(rand.NewPCG(2026, 21))}
	nested := 0
	for range 2000 {
		made.defined, made.shapes = nil, shapeReader{}
		typ := made.branch(0)
		if strings.Contains(typ, "time-mi") || hasUnion(new(made.shape(typ))) {
			continue // hamba takes the default of a time for nanoseconds, and that of a union for another branch
		}
		value := made.fallback(typ)
		c, err := Parse(schemaOf(fmt.Sprintf(`{"name":"f","type":%s,"default":%s}`, typ, value)))
		if err != nil {
			continue // its fields contradict each other
		}
		var published, taken any
		if err := hamba.Unmarshal(hambaSchema(t, c.Schema()), encodeBody(t, c, `{}`), &published); err != nil {
			t.Fatalf("%s: %v", c.Schema(), err)
		}
		before := hambaSchema(t, `{"type":"record","name":"Row","fields":[]}`)
		resolved, err := hamba.NewSchemaCompatibility().Resolve(hambaSchema(t, c.Schema()), before)
		if err != nil {
			t.Fatalf("%s: %v", c.Schema(), err)
		}
		if err := hamba.Unmarshal(resolved, nil, &taken); err != nil {
			t.Fatalf("%s: %v", c.Schema(), err)
		}
		if diff := cmp.Diff(taken, published, cmp.Comparer(func(a, b *big.Rat) bool { return a.Cmp(b) == 0 })); diff != "" {
			t.Fatalf("%s: %s", c.Schema(), diff)
		}
		if len(value) > 2 && strings.ContainsAny(value[:1], "{[") {
			nested++
		}
	}
	if nested < 80 {
		t.Errorf("only %d defaults held values: the generator proves little", nested)
	}
}

// hasUnion says whether a union stands anywhere in a type, one with null too.
func hasUnion(s *shape) bool {
	return s.nullable || s.kind == "union" || s.items != nil && hasUnion(s.items) ||
		slices.ContainsFunc(s.fields, func(f shapeField) bool { return hasUnion(&f.shape) })
}

func hambaSchema(t *testing.T, text string) hamba.Schema {
	t.Helper()
	schema, err := hamba.ParseWithCache(text, "", &hamba.SchemaCache{})
	if err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	return schema
}
