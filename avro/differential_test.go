package avro

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math/big"
	"math/rand/v2"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/linkedin/goavro/v2"

	"convstream/internal/conv"
)

// everyType is a contract with all types, union orders and kinds of strictness, and with
// paths that share their beginnings.
func everyType(t testing.TB) *Contract {
	return contractOf(t,
		`{"name":"id","type":"string","source":"row.id","required":true,"identity":true}`,
		`{"name":"at","type":{"type":"long","logicalType":"timestamp-millis"},"source":"timestamp","required":true}`,
		`{"name":"s","type":["null","string"],"default":null,"source":"a.b"}`,
		`{"name":"l","type":["long","null"],"default":-7,"source":"a.b.c"}`,
		`{"name":"i","type":["null","int"],"source":"a.b.d"}`,
		`{"name":"d","type":"double","default":2.5,"source":"a.d"}`,
		`{"name":"f","type":["float","null"],"source":"m.f"}`,
		`{"name":"o","type":["null","boolean"],"default":null,"source":"m.n.o"}`,
		`{"name":"t","type":["null",{"type":"long","logicalType":"timestamp-millis"}],"source":"m.n.t"}`,
		`{"name":"again","type":["null","string"],"source":"m.f"}`)
}

// agreesWithGoavro encodes a row both ways.
func agreesWithGoavro(t testing.TB, c *Contract, codec *goavro.Codec, raw string) {
	t.Helper()
	drift := []conv.Deviation{{Field: "kept"}}
	out, facts := c.Encode(nil, 7, rowOf(t, raw), &drift)
	want := naiveEncode(t, c, raw)
	if diff := cmp.Diff(append(want.drift, drift[0]), drift, cmpopts.SortSlices(func(a, b conv.Deviation) bool {
		return a.Field+"\n"+string(a.Kind) < b.Field+"\n"+string(b.Kind)
	})); diff != "" {
		t.Fatalf("drift of %s by %s: %s", raw, c.Schema(), diff)
	}
	if again, same := c.Encode(nil, 7, rowOf(t, raw), nil); !bytes.Equal(again, out) || !cmp.Equal(same, facts) {
		t.Fatalf("%s is another record where nobody asks for drift", raw)
	}
	if diff := cmp.Diff(want.reject, facts.Reject); diff != "" {
		t.Fatalf("reject of %s: %s", raw, diff)
	}
	if facts.Fingerprint != first8(want.entries) {
		t.Fatalf("fingerprint of %s is not that of %q", raw, want.entries)
	}
	if want.reject != nil {
		return
	}
	body, err := codec.BinaryFromNative(nil, want.native)
	if err != nil {
		t.Fatalf("goavro on %s: %v", raw, err)
	}
	if bytes.Equal(body, out[5:]) {
		return
	}
	// goavro writes maps in an order of its own: the same bytes, at other places.
	if root := shapeOf(t, c); !root.hasMap() || len(body) != len(out)-5 {
		t.Fatalf("body of %s: %s", raw, cmp.Diff(body, out[5:]))
	}
	if diff := cmp.Diff(decodeNative(t, codec, body), decodeNative(t, codec, out[5:]), sameNumber); diff != "" {
		t.Fatalf("body of %s: %s", raw, diff)
	}
}

// sameNumber compares the fractions that goavro makes of decimals.
var sameNumber = cmp.Comparer(func(a, b *big.Rat) bool { return a.Cmp(b) == 0 })

func decodeNative(t testing.TB, codec *goavro.Codec, body []byte) any {
	t.Helper()
	native, rest, err := codec.NativeFromBinary(body)
	if err != nil || len(rest) > 0 {
		t.Fatalf("decode %x: %v, %d bytes left", body, err, len(rest))
	}
	return native
}

func codecOf(t testing.TB, c *Contract) *goavro.Codec {
	t.Helper()
	// goavro writes no zero as a decimal of fixed size; as plain bytes it reads and writes any.
	var schema any
	if err := json.Unmarshal([]byte(c.Schema()), &schema); err != nil {
		t.Fatal(err)
	}
	plainFixed(schema)
	withoutFieldDefaults(schema)
	plain, err := json.Marshal(schema)
	if err != nil {
		t.Fatal(err)
	}
	codec, err := goavro.NewCodec(string(plain))
	if err != nil {
		t.Fatal(err)
	}
	return codec
}

// plainFixed takes the logical type off each fixed.
func plainFixed(schema any) {
	switch schema := schema.(type) {
	case []any:
		for _, inner := range schema {
			plainFixed(inner)
		}
	case map[string]any:
		if schema["type"] == "fixed" {
			delete(schema, "logicalType")
		}
		for _, inner := range schema {
			plainFixed(inner)
		}
	}
}

// withoutFieldDefaults takes away the defaults of fields: goavro refuses some that Avro allows.
func withoutFieldDefaults(schema any) {
	switch schema := schema.(type) {
	case []any:
		for _, inner := range schema {
			withoutFieldDefaults(inner)
		}
	case map[string]any:
		if schema["type"] != "enum" {
			delete(schema, "default")
		}
		for _, inner := range schema {
			withoutFieldDefaults(inner)
		}
	}
}

func TestEncodeAgreesWithGoavroOnRandomRows(t *testing.T) {
	c := everyType(t)
	codec := codecOf(t, c)
	rng := rand.New(rand.NewPCG(2024, 1))
	published := 0
	for range 5_000 {
		row := randomRow(rng)
		agreesWithGoavro(t, c, codec, row)
		if _, facts := c.Encode(nil, 7, rowOf(t, row), nil); facts.Reject == nil {
			published++
		}
	}
	if published < 1000 {
		t.Errorf("only %d rows were encoded: the generator makes too many rejects", published)
	}
}

func randomRow(rng *rand.Rand) string {
	return randomObject(rng, 8, 0)
}

// randomObject writes an object whose keys are pieces of the contract's paths, in both
// spellings, repeated, escaped, and nested in the right and in the wrong places.
func randomObject(rng *rand.Rand, members, depth int) string {
	keys := []string{"a", "b", "c", "d", "a.b", "b.c", "b.d", "a.b.c", "a.d", "m", "n", "f", "m.f", "n.o", "n.t", "o", "t", "m.n", "x"}
	if depth == 0 {
		keys = append(keys, "row", "id")
	}
	var parts []string
	if depth == 0 {
		if rng.IntN(10) > 0 {
			parts = append(parts, `"row.id":`+randomScalar(rng))
		}
		if rng.IntN(10) > 0 {
			parts = append(parts, `"timestamp":`+[]string{`1`, `"2024-02-29T23:59:59.9+01:00"`, `"x"`, `1.5e3`}[rng.IntN(4)])
		}
	}
	for range rng.IntN(members + 1) {
		key := keys[rng.IntN(len(keys))]
		spelt := strconv.Quote(key)
		if rng.IntN(5) == 0 {
			spelt = fmt.Sprintf(`"\u%04x%s"`, key[0], key[1:])
		}
		value := randomScalar(rng)
		switch {
		case depth < 3 && rng.IntN(2) == 0:
			value = randomObject(rng, 4, depth+1)
		case rng.IntN(12) == 0:
			value = "[" + value + "]"
		}
		parts = append(parts, spelt+[]string{":", " :\n"}[rng.IntN(2)]+value)
	}
	rng.Shuffle(len(parts), func(i, j int) { parts[i], parts[j] = parts[j], parts[i] })
	return "{" + strings.Join(parts, ",") + "}"
}

func randomScalar(rng *rand.Rand) string {
	switch rng.IntN(10) {
	case 0:
		return "null"
	case 1:
		return strconv.FormatBool(rng.IntN(2) == 0)
	case 2:
		return `"` + strconv.FormatBool(rng.IntN(2) == 0) + `"`
	case 3:
		return strconv.FormatInt(int64(rng.Uint64()>>rng.IntN(64)), 10)
	case 4:
		return fmt.Sprintf("%d.%0*d", rng.IntN(5), rng.IntN(3)+1, 0)
	case 5:
		return fmt.Sprintf("%de%d", rng.IntN(2000)-1000, rng.IntN(60)-30)
	case 6:
		return fmt.Sprintf("%q", strconv.FormatFloat(rng.NormFloat64()*1e4, 'f', rng.IntN(3), 64))
	case 7:
		return `"2024-01-01T10:15:32.` + strconv.Itoa(rng.IntN(1000)) + `Z"`
	case 8:
		return []string{`""`, `"\u00e9\n"`, `"\ud83d\ude00"`, `"\ud83d"`, `"é😀"`, "\"\xff\"", `"a\/b"`}[rng.IntN(7)]
	}
	return strconv.Itoa(rng.IntN(20) - 10)
}

func FuzzEncodeAgreesWithGoavro(f *testing.F) {
	rng := rand.New(rand.NewPCG(2024, 3))
	for range 20 {
		f.Add(randomRow(rng))
	}
	f.Add(`{"row.id":"\ud800","timestamp":"2024-01-01T00:00:00Z","a":{"b.c":1e3},"a.b":-0.0}`)
	f.Add(`{"row":{"id":5.50},"timestamp":-1,"m":{"f":1e39,"n":{"o":"true"}}}`)
	c := everyType(f)
	codec := codecOf(f, c)
	f.Fuzz(func(t *testing.T, raw string) {
		if !json.Valid([]byte(raw)) || strings.TrimLeft(raw, " \t\r\n")[0] != '{' || hugeNumber(raw) {
			return
		}
		agreesWithGoavro(t, c, codec, raw)
	})
}

// hugeNumber says whether a row holds a number that the naive encoder is too slow or too
// coarse for.
func hugeNumber(raw string) bool {
	for _, word := range strings.FieldsFunc(raw, func(r rune) bool { return !strings.ContainsRune("0123456789+-.eE", r) }) {
		if _, exponent, ok := strings.Cut(strings.ToLower(word), "e"); ok {
			if n, err := strconv.Atoi(exponent); err != nil || n > 100 || n < -100 {
				return true
			}
		}
		if len(word) > 200 {
			return true
		}
	}
	return false
}

func FuzzCanonicalNumberKeepsTheValue(f *testing.F) {
	for _, s := range []string{"0", "-0.0", "5.0", "1e21", "1e-7", "123456789012345678901234567890.5", "-1.5E+3"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		d, ok := parseDecimal(make([]byte, 0, len(s)), []byte(s))
		if hugeNumber(s) || len(s) == 0 {
			return
		}
		if ok != validNumber(s) {
			t.Fatalf("%q: read as a number %v, JSON says %v", s, ok, validNumber(s))
		}
		if !ok {
			return
		}
		text := string(d.append(nil))
		before, _ := new(big.Rat).SetString(s)
		after, ok := new(big.Rat).SetString(text)
		if !ok || before.Cmp(after) != 0 {
			t.Fatalf("%q became %q", s, text)
		}
		if want := naiveNumberText(s); text != want {
			t.Fatalf("canonical text of %q is %q, want %q", s, text, want)
		}
	})
}
