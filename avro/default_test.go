package avro

import (
	"fmt"
	"math/big"
	"math/rand/v2"
	"runtime"
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

func TestTheDefaultsOfAContractAreBoundedTogether(t *testing.T) {
	text := func(name string, size int) string {
		return fmt.Sprintf(`{"name":%q,"type":"string","default":%q}`, name, strings.Repeat("x", size))
	}
	named := `{"name":"f","type":{"type":"record","name":"R","fields":[` + text("s", 300_000) + `]},"default":{}}`
	again := func(name string) string { return `{"name":"` + name + `","type":"R","default":{}}` }
	for name, test := range map[string]struct {
		fields []string
		fits   bool
	}{
		"one of nearly all":          {[]string{text("f", maxDefault-10)}, true},
		"one of too much":            {[]string{text("f", maxDefault)}, false},
		"two of half":                {[]string{text("f", maxDefault/2-10), text("g", maxDefault/2-10)}, true},
		"two of more than half":      {[]string{text("f", maxDefault/2+10), text("g", maxDefault/2+10)}, false},
		"many, told once":            {[]string{text("f", 600_000), text("g", 600_000), text("h", 600_000), text("i", 600_000)}, false},
		"a named record":             {[]string{named}, true},
		"a named record once more":   {[]string{named, again("g")}, false},
		"a named record three times": {[]string{named, again("g"), again("h")}, false},
	} {
		_, err := Parse(schemaOf(test.fields...))
		if (err == nil) != test.fits {
			t.Errorf("%s: %.300v", name, err)
		}
		const want = "the defaults of this contract together take more than 1048576 bytes; shorten them"
		if err != nil && strings.Count(err.Error(), want) != 1 || err != nil && strings.Contains(err.Error(), "\n") {
			t.Errorf("%s is not told once: %.300v", name, err)
		}
	}
}

// The check comes while they unfold, and not only when they are there.
func TestADefaultThatUnfoldsIsRefusedBeforeItFillsTheMemory(t *testing.T) {
	var fields []string
	for i := range 6 { // of which only the first unfolds
		fields = append(fields, fmt.Sprintf(`{"name":"f%[1]d","type":{"type":"array","items":{"type":"record","name":"R%[1]d","fields":[{"name":"s","type":"string","default":"%[2]s"}]}},"default":[%[3]s{}]}`,
			i, strings.Repeat("x", 150_000), strings.Repeat("{},", 999)))
	}
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	_, err := Parse(schemaOf(fields...))
	runtime.ReadMemStats(&after)
	if err == nil || strings.Count(err.Error(), "the defaults of this contract together") != 1 {
		t.Errorf("1000 records of 150 kB, six times: %.300v", err)
	}
	if took := after.TotalAlloc - before.TotalAlloc; took > 100<<20 {
		t.Errorf("it took %d MB to refuse what unfolds to 150 MB", took>>20)
	}
}

func TestADefaultOfADecimalHasNoMoreDigitsThanItsType(t *testing.T) {
	for name, test := range map[string]struct {
		typ, value string
		fits       bool
	}{
		"9999":                     {`"bytes"`, `\u0027\u000f`, true},
		"10000":                    {`"bytes"`, `\u0027\u0010`, false},
		"-9999":                    {`"bytes"`, `\u00d8\u00f1`, true},
		"-10000":                   {`"bytes"`, `\u00d8\u00f0`, false},
		"9999 in eight bytes":      {`"bytes"`, `\u0000\u0000\u0000\u0000\u0000\u0000\u0027\u000f`, true},
		"of eight bytes":           {`"bytes"`, `\u0001\u0000\u0000\u0000\u0000\u0000\u0000\u0000`, false},
		"9999 in a wide fixed":     {`"fixed","name":"F","size":8`, `\u0000\u0000\u0000\u0000\u0000\u0000\u0027\u000f`, true},
		"10000 in a wide fixed":    {`"fixed","name":"F","size":8`, `\u0000\u0000\u0000\u0000\u0000\u0000\u0027\u0010`, false},
		"-10000 in a wide fixed":   {`"fixed","name":"F","size":8`, `\u00ff\u00ff\u00ff\u00ff\u00ff\u00ff\u00d8\u00f0`, false},
		"all of a wide fixed":      {`"fixed","name":"F","size":8`, `\u007f\u00ff\u00ff\u00ff\u00ff\u00ff\u00ff\u00ff`, false},
		"9999 in too few for one":  {`"fixed","name":"F","size":8`, `\u0027\u000f`, false},
		"9999 in too many for one": {`"fixed","name":"F","size":3`, `\u0000\u0000\u0027\u000f`, false},
	} {
		_, err := Parse(schemaOf(`{"name":"f","type":{"type":` + test.typ + `,"logicalType":"decimal","precision":4,"scale":2},"default":"` + test.value + `"}`))
		want := "more than 4 digits"
		if strings.Contains(name, "for one") {
			want = "bytes, and the fixed has"
		}
		if (err == nil) != test.fits || err != nil && !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", name, err)
		}
	}
}
