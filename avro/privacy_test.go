package avro

import (
	"crypto/hmac"
	"crypto/sha256"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"convstream/internal/conv"
)

// hmacText is the hash as its definition says it.
func hmacText(key, text string) string {
	mac := hmac.New(sha256.New, []byte(key))
	mac.Write([]byte(text))
	return fmt.Sprintf("hmac-sha256:%x", mac.Sum(nil))
}

// A test vector of RFC 4231, case 2, so that anyone can hash a value to look for.
func TestAHashIsTheHMACThatRFC4231Defines(t *testing.T) {
	c := contractOf(t, `{"name":"f","type":["null","string"],"privacy":"hash"}`).WithKey([]byte("Jefe"))
	want := "hmac-sha256:5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"
	if diff := cmp.Diff(join([]byte{2}, avroText(want)), encodeBody(t, c, `{"f":"what do ya want for nothing?"}`)); diff != "" {
		t.Error(diff)
	}
}

func TestAPrivateTextIsPublishedAsItsHashOrMask(t *testing.T) {
	c := contractOf(t,
		`{"name":"h","type":["null","string"],"privacy":"hash"}`,
		`{"name":"m","type":["null","string"],"privacy":"mask"}`,
		`{"name":"d","type":["null","long"],"privacy":"drop"}`,
		`{"name":"a","type":["null",{"type":"array","items":["null","string"]}],"privacy":"mask"}`,
		`{"name":"k","type":["null",{"type":"map","values":"string"}],"privacy":"hash"}`).WithKey([]byte("key"))
	null, some := []byte{0}, []byte{2}
	for row, want := range map[string][]byte{
		`{}`: join(null, null, null, null, null),
		`{"h":"Zo\u00eb","m":"Zoë","d":5,"a":["x","",null,7],"k":{"n":"x"}}`: join(
			some, avroText(hmacText("key", "Zoë")), some, avroText("***"), null,
			some, avroLong(4), some, avroText("***"), some, avroText(""), null, some, avroText("***"), avroLong(0),
			some, avroLong(1), avroText("n"), avroText(hmacText("key", "x")), avroLong(0)),
		`{"h":5.0,"m":true,"d":{}}`: join(some, avroText(hmacText("key", "5")), some, avroText("***"), null, null, null),
		`{"h":"","m":""}`:           join(some, avroText(hmacText("key", "")), some, avroText(""), null, null, null),
		`{"h":{},"m":[],"a":"x"}`:   join(null, null, null, null, null),
	} {
		if diff := cmp.Diff(want, encodeBody(t, c, row)); diff != "" {
			t.Errorf("%s: %s", row, diff)
		}
	}
}

func TestTheFingerprintIsOfWhatIsPublishedOfAPrivateValue(t *testing.T) {
	field := `{"name":"f","type":["null","string"],"privacy":%q}`
	mask, drop := contractOf(t, fmt.Sprintf(field, "mask")), contractOf(t, fmt.Sprintf(field, "drop"))
	hash := contractOf(t, fmt.Sprintf(field, "hash")).WithKey([]byte("key"))
	if want := first8("\x00\x00\x00\x01fs\x00\x00\x00\x03***"); factsOf(t, mask, `{"f":"a"}`).Fingerprint != want {
		t.Errorf("masked: not %016x", want)
	}
	if want := first8("\x00\x00\x00\x01fs\x00\x00\x00\x4c" + hmacText("key", "a")); factsOf(t, hash, `{"f":"a"}`).Fingerprint != want {
		t.Errorf("hashed: not %016x", want)
	}
	if factsOf(t, drop, `{"f":"a"}`) != factsOf(t, drop, `{}`) {
		t.Error("a dropped value is content")
	}
}

func TestEachKeyHasHashesOfItsOwn(t *testing.T) {
	c := contractOf(t, `{"name":"f","type":["null","string"],"privacy":"hash"}`)
	if !c.Hashes() || reports(t).Hashes() || jobs(t).Hashes() {
		t.Error("the contracts that hash are not those that say so")
	}
	one, two := c.WithKey([]byte("1")), c.WithKey([]byte("2"))
	row := `{"f":"a"}`
	if got := encodeBody(t, one, row); !strings.Contains(string(got), hmacText("1", "a")) || cmp.Equal(got, encodeBody(t, two, row)) {
		t.Errorf("%q", got)
	}
	// Without a key a hash would hide nothing: numbers of telephones are few.
	if got := encodeBody(t, c, row); !cmp.Equal(got, join([]byte{2}, avroText("***"))) {
		t.Errorf("without a key: %q", got)
	}
}

func TestAPrivateValueThatComesRedactedIsPublishedAsItCame(t *testing.T) {
	c := contractOf(t, `{"name":"h","type":["null","string"],"privacy":"hash"}`, `{"name":"m","type":["null","string"],"privacy":"mask"}`).WithKey([]byte("key"))
	hash := hmacText("another key", "x")
	row := rowOf(t, `{"h":"`+hash+`","m":"***"}`)
	row.Redacted = true
	out, _ := c.Encode(nil, 1, row, nil)
	if diff := cmp.Diff(join([]byte{2}, avroText(hash), []byte{2}, avroText("***")), out[5:]); diff != "" {
		t.Error(diff)
	}
	if row.Redacted = false; cmp.Equal(out, first(c.Encode(nil, 1, row, nil))) {
		t.Error("a row that only looks redacted is published as it came")
	}
}

func first(out []byte, _ conv.Facts) []byte { return out }

func TestAMarkThatCannotHoldIsRefused(t *testing.T) {
	nullable := func(name, source, mark string) string {
		return fmt.Sprintf(`{"name":%q,"type":["null","string"],"source":%q%s}`, name, source, mark)
	}
	mask, drop := `,"privacy":"mask"`, `,"privacy":"drop"`
	inner := `{"type":"record","name":"Inner","fields":[` + nullable("n", "n", mask) + `,` + nullable("p", "p", "") + `]}`
	record := `{"name":"r","type":["null",{"type":"record","name":"R","fields":[` + nullable("n", "n", mask) + `]}],"source":"a.b"}`
	for name, test := range map[string]struct {
		fields []string
		want   []string // nil: it is taken
	}{
		"unknown mark":                    {[]string{nullable("f", "a", `,"privacy":"blur"`)}, []string{`"f"`, `"blur"`, `"hash", "mask" or "drop"`}},
		"no string":                       {[]string{`{"name":"f","type":["null","long"],"privacy":"hash"}`}, []string{`"f"`, "long", `"drop"`}},
		"no strings in it":                {[]string{`{"name":"f","type":["null",{"type":"array","items":"long"}],"privacy":"mask"}`}, []string{`"f"`, "array", `"drop"`}},
		"an enum":                         {[]string{`{"name":"f","type":["null",{"type":"enum","name":"E","symbols":["A"]}],"privacy":"mask"}`}, []string{`"f"`, "enum"}},
		"a union":                         {[]string{`{"name":"f","type":["null","string","long"],"privacy":"mask"}`}, []string{`"f"`, "union", `"drop"`}},
		"a union with a mark in it":       {[]string{`{"name":"f","type":["null","string",` + inner + `],"privacy":"mask"}`}, []string{`"f"`, "union", "mark the strings in its records"}},
		"a record with a mark in it":      {[]string{`{"name":"f","type":["null",` + inner + `],"privacy":"hash"}`}, []string{`"f"`, "record", "mark the strings in its records"}},
		"an array of marked records":      {[]string{`{"name":"f","type":["null",{"type":"array","items":` + inner + `}],"privacy":"mask"}`}, []string{`"f"`, "array"}},
		"a map of such unions":            {[]string{`{"name":"f","type":["null",{"type":"map","values":["null","string",` + inner + `]}],"privacy":"mask"}`}, []string{`"f"`, "map"}},
		"required and dropped":            {[]string{`{"name":"f","type":"string","required":true,"privacy":"drop"}`}, []string{`"f"`, "required"}},
		"identity":                        {[]string{`{"name":"f","type":"string","required":true,"identity":true,"privacy":"hash"}`}, []string{`"f"`, "identity"}},
		"conversation id of reports":      {[]string{nullable("f", "conversation.id", mask)}, []string{`"f"`, `"conversation.id"`, "leave it out"}},
		"timestamp of reports":            {[]string{nullable("f", "timestamp", drop)}, []string{`"f"`, `"timestamp"`}},
		"conversation id of jobs":         {[]string{nullable("conversationId", "conversationId", mask)}, []string{`"conversationId"`}},
		"start of jobs":                   {[]string{nullable("f", "conversationStart", drop)}, []string{`"conversationStart"`}},
		"object around the id":            {[]string{nullable("f", "conversation", drop)}, []string{`"conversation"`, `"conversation.id"`}},
		"inside the timestamp":            {[]string{nullable("f", "timestamp.x", mask)}, []string{`"timestamp.x"`}},
		"one source, public beside":       {[]string{nullable("f", "a", mask), nullable("g", "a", "")}, []string{`"f"`, `"g"`, "alike"}},
		"one source, two marks":           {[]string{nullable("f", "a", mask), nullable("g", "a", drop)}, []string{`"f"`, `"g"`, "alike"}},
		"identity of the same source":     {[]string{nullable("f", "a", mask), `{"name":"id","type":"string","source":"a","required":true,"identity":true}`}, []string{`"f"`, `"id"`}},
		"part of a public source":         {[]string{nullable("f", "a.b", mask), nullable("g", "a", "")}, []string{`"f"`, `"g"`}},
		"around a public source":          {[]string{nullable("f", "a", drop), nullable("g", "a.b.c", "")}, []string{`"f"`, `"g"`}},
		"a record with a mark, inside":    {[]string{record, nullable("g", "a.b.c", "")}, []string{`"r"`, `"g"`}},
		"a record with a mark, around":    {[]string{record, nullable("g", "a", "")}, []string{`"r"`, `"g"`}},
		"one source, marked alike":        {[]string{nullable("f", "a", mask), nullable("g", "a", mask)}, nil},
		"neighbours":                      {[]string{nullable("f", "a.b", mask), nullable("g", "a.bc", ""), nullable("h", "ab", "")}, nil},
		"the id's name inside a record":   {[]string{`{"name":"r","type":["null",{"type":"record","name":"R","fields":[` + nullable("timestamp", "timestamp", mask) + `]}]}`}, nil},
		"required and hashed":             {[]string{`{"name":"f","type":"string","required":true,"privacy":"hash"}`}, nil},
		"a record dropped as a whole":     {[]string{`{"name":"r","type":["null",{"type":"record","name":"R","fields":[` + nullable("n", "n", "") + `]}],"privacy":"drop"}`}, nil},
		"arrays of arrays of strings":     {[]string{`{"name":"f","type":["null",{"type":"array","items":{"type":"array","items":["string","null"]}}],"privacy":"hash"}`}, nil},
		"a default that is published":     {[]string{`{"name":"f","type":"string","default":"none","privacy":"mask"}`}, nil},
		"not nullable and dropped anyway": {[]string{`{"name":"f","type":"long","default":0,"privacy":"drop"}`}, nil},
	} {
		_, err := Parse(schemaOf(test.fields...))
		if test.want == nil && err != nil {
			t.Errorf("%s: %v", name, err)
		}
		for _, want := range test.want {
			if err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("%s: error %v does not name %s", name, err, want)
			}
		}
	}
}
