package avro

import (
	_ "embed"
	"encoding/json"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"convstream/internal/conv"
)

// modelFields lists the fields of the platform's conversation model, and of the models inside
// it, each with the path to it and its type in the model.
//
//go:embed testdata/conversation-fields.txt
var modelFields string

// jobs is the default contract of the public platform API.
func jobs(t testing.TB) *Contract {
	t.Helper()
	c, err := Default("jobs")
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// conversation is a conversation of a jobs page, of invented values.
func conversation(t testing.TB) string {
	t.Helper()
	raw, err := os.ReadFile("testdata/conversation.json")
	if err != nil {
		t.Fatal(err)
	}
	return string(raw)
}

// modelField is a line of modelFields.
type modelField struct{ path, typ string }

func model(t testing.TB) []modelField {
	t.Helper()
	var fields []modelField
	for line := range strings.Lines(modelFields) {
		path, typ, ok := strings.Cut(strings.TrimSpace(line), " ")
		if !ok {
			t.Fatalf("line %q has no type", line)
		}
		fields = append(fields, modelField{path, typ})
	}
	return fields
}

// personal are the fields of the model that hold a person's name, number, address or words, or
// what can be one of these.
var personal = []string{
	"participants.participantName",
	"participants.sessions.addressFrom", "participants.sessions.addressOther",
	"participants.sessions.addressSelf", "participants.sessions.addressTo",
	"participants.sessions.ani", "participants.sessions.bcc",
	"participants.sessions.callbackNumbers", "participants.sessions.callbackUserName",
	"participants.sessions.cc", "participants.sessions.destinationAddresses", "participants.sessions.dnis",
	"participants.sessions.journeyCustomerId",
	"participants.sessions.remote", "participants.sessions.remoteNameDisplayable",
	"participants.sessions.screenShareAddressSelf", "participants.sessions.sessionDnis",
	"participants.sessions.videoAddressSelf",
	"participants.sessions.flow.entryReason",
	"participants.sessions.flow.transferTargetAddress", "participants.sessions.flow.transferTargetName",
	"participants.sessions.segments.subject", "participants.sessions.segments.wrapUpNote",
}

func TestDefaultJobsContractIsTheWholeModel(t *testing.T) {
	avroNames := map[string]string{
		"string": "string", "enum": "string", "boolean": "boolean", "double": "double", "int32": "int", "int64": "long",
		"date-time": "timestamp-millis", "object": "record", "array<object>": "array of record", "map<string,string>": "map of string or null",
		"array<string>": "array of string", "array<enum>": "array of string", "array<int32>": "array of int", "array<int64>": "array of long",
	}
	var want []string
	for _, f := range model(t) {
		name, ok := avroNames[f.typ]
		if !ok {
			t.Fatalf("%s: the model has a type %q that this test does not know", f.path, f.typ)
		}
		if f.path == "conversationId" || f.path == "conversationStart" {
			want = append(want, f.path+" "+name+" required")
		} else {
			line := f.path + " " + name + " nullable, default null, optional"
			if slices.Contains(personal, f.path) {
				line += ", mask"
			}
			want = append(want, line)
		}
	}
	root := shapeOf(t, jobs(t))
	if diff := cmp.Diff(want, describe(&root, "")); diff != "" {
		t.Error(diff)
	}
	if root.branch != "genesys.analytics.ConversationDetail" {
		t.Errorf("the record is %s", root.branch)
	}
	if n := len(jobs(t).identity); n > 0 {
		t.Errorf("%d fields are identity; conversation id and start are the key already", n)
	}
}

// describe writes a line for each field of a record and of the records inside it.
func describe(s *shape, above string) []string {
	var lines []string
	for i := range s.fields {
		f := &s.fields[i]
		line, inner := above+f.name+" "+f.kind, &f.shape
		if f.items != nil {
			line, inner = line+" of "+f.items.kind, f.items
			if inner.nullable {
				line += " or null"
			}
		}
		if f.required {
			line += " required"
		}
		if f.nullable && f.nullFirst {
			line += " nullable"
		}
		if f.defaultNull {
			line += ", default null"
		}
		if f.source != f.name {
			line += " from " + f.source
		}
		if f.optional {
			line += ", optional"
		}
		if f.privacy != "" {
			line += ", " + f.privacy
		}
		lines = append(lines, line)
		lines = append(lines, describe(inner, above+f.name+".")...)
	}
	return lines
}

// probe is a value of a model's type as JSON, and as goavro decodes it.
func probe(t *testing.T, typ string) (spelt string, native any) {
	t.Helper()
	union := func(branch string, v any) any { return map[string]any{branch: v} }
	switch typ {
	case "string", "enum":
		return `"Zoë 7"`, union("string", "Zoë 7")
	case "boolean":
		return `true`, union("boolean", true)
	case "double":
		return `4.882164478302002`, union("double", 4.882164478302002)
	case "int32":
		return `-2147483648`, union("int", int32(-2147483648))
	case "int64":
		return `9007199254740993`, union("long", int64(9007199254740993))
	case "date-time":
		return `"2024-02-29T23:59:59.999Z"`, union("long.timestamp-millis", time.Date(2024, 2, 29, 23, 59, 59, 999e6, time.UTC))
	case "array<string>", "array<enum>":
		return `["a",""]`, union("array", []any{"a", ""})
	case "array<int32>":
		return `[1,-2]`, union("array", []any{int32(1), int32(-2)})
	case "array<int64>":
		return `[9007199254740993]`, union("array", []any{int64(9007199254740993)})
	case "map<string,string>":
		return `{"k":"v"}`, union("map", map[string]any{"k": union("string", "v")})
	case "object":
		return `{}`, nil
	case "array<object>":
		return `[]`, union("array", []any{})
	}
	t.Fatalf("the model has a type %q that this test does not know", typ)
	return "", nil
}

// Each field is sent alone, so that a field which takes another's place is found.
func TestEveryModelFieldSurvivesEncodingAndDecoding(t *testing.T) {
	c := jobs(t)
	codec := codecOf(t, c)
	types := map[string]string{}
	fields := model(t)
	for _, f := range fields {
		types[f.path] = f.typ
	}
	for _, f := range fields {
		spelt, want := probe(t, f.typ)
		if slices.Contains(personal, f.path) {
			want = map[string]any{"string": "***"}
			if f.typ == "array<string>" {
				want = map[string]any{"array": []any{"***", ""}}
			}
		}
		steps := strings.Split(f.path, ".")
		row := fmt.Sprintf(`{"conversationId":"c","conversationStart":0,%s}`, nest(steps, types, spelt))
		if f.path == "conversationId" || f.path == "conversationStart" {
			row = strings.Replace(`{"conversationId":"c","conversationStart":0}`, `"`+f.path+`":`, `"`+f.path+`":`+spelt+`,"_":`, 1)
			for _, v := range want.(map[string]any) {
				want = v
			}
		}
		out, facts := c.Encode(nil, 1, rowOf(t, row), nil)
		if facts.Reject != nil {
			t.Fatalf("%s: %+v", row, *facts.Reject)
		}
		got, others := dig(decodeNative(t, codec, out[5:]), steps)
		if f.typ == "object" {
			if record, ok := got.(map[string]any); !ok || len(record) != 1 {
				t.Errorf("%s became %v", row, got)
			}
		} else if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s: %s", row, diff)
		}
		if others > 0 {
			t.Errorf("%s set %d other fields", row, others)
		}
	}
}

// nest writes a field's value inside the objects and arrays that lead to it.
func nest(steps []string, types map[string]string, spelt string) string {
	for i := len(steps) - 1; i >= 0; i-- {
		spelt = fmt.Sprintf("%q:%s", steps[i], spelt)
		if i == 0 {
			break
		}
		spelt = "{" + spelt + "}"
		if types[strings.Join(steps[:i], ".")] == "array<object>" {
			spelt = "[" + spelt + "]"
		}
	}
	return spelt
}

// dig goes to a field of a decoded row, and counts the fields beside its way that are set.
func dig(native any, steps []string) (value any, others int) {
	for i, step := range steps {
		if i > 0 {
			for _, inner := range native.(map[string]any) { // the union's branch
				native = inner
			}
		}
		if list, ok := native.([]any); ok {
			others += len(list) - 1
			native = list[0]
		}
		for name, v := range native.(map[string]any) {
			if name != step && v != nil && name != "conversationId" && name != "conversationStart" {
				others++
			}
		}
		native = native.(map[string]any)[step]
	}
	return native, others
}

func TestAWholeConversationAgreesWithGoavro(t *testing.T) {
	c := jobs(t)
	raw := conversation(t)
	agreesWithGoavro(t, c, codecOf(t, c), raw)
	agreesWithGoavro(t, c, codecOf(t, c), strings.Replace(raw, `"conversationEnd"`, `"unknown"`, 1))
}

func TestAWholeConversationIsDecodedAsItCameButForPersons(t *testing.T) {
	var want, got any
	decoded := decodeRow(t, jobs(t), conversation(t))
	if err := json.Unmarshal([]byte(decoded), &got); err != nil {
		t.Fatal(err)
	}
	// The row spells some instants with fewer digits than the decoder.
	raw := strings.NewReplacer(`:33Z"`, `:33.000Z"`, `:10.9Z"`, `:10.900Z"`,
		"Jörg Müller", "***", "tel:+4930901820", "***", "tel:+498005550100", "***", "Billing", "***").Replace(conversation(t))
	if err := json.Unmarshal([]byte(raw), &want); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, withoutNulls(got)); diff != "" {
		t.Error(diff)
	}
}

// Customers set attributes, and may set one to null.
func TestANullAttributeIsPublishedAsOneAndIsContent(t *testing.T) {
	c := jobs(t)
	seen := map[uint64]string{}
	for attributes, want := range map[string]string{
		`{"a":"1","b":null}`:         `{"a":"1","b":null}`,
		`{"a":"1"}`:                  `{"a":"1"}`,
		`{"a":"1","b":""}`:           `{"a":"1","b":""}`,
		`{"a":"1","c":null}`:         `{"a":"1","c":null}`,
		`{"b":null,"c":null}`:        `{"b":null,"c":null}`,
		`{"a":true,"b":[],"c":"x"}`:  `{"a":"true","b":null,"c":"x"}`,
		`{}`:                         `{}`,
		`null`:                       `null`,
		`[{"name":"a","value":"1"}]`: `null`,
	} {
		row := `{"conversationId":"c","conversationStart":0,"participants":[{"purpose":"agent","attributes":` + attributes + `}]}`
		if got := decodeRow(t, c, row); !strings.Contains(got, `"attributes":`+want+`}`) {
			t.Errorf("%s is published as %s", row, got)
		}
		agreesWithGoavro(t, c, codecOf(t, c), row)
		f := factsOf(t, c, row).Fingerprint
		if other, ok := seen[f]; ok && other != want {
			t.Errorf("%s and %s have one fingerprint", want, other)
		}
		seen[f] = want
	}
	if len(seen) != 8 {
		t.Errorf("%d fingerprints of 8 records", len(seen))
	}
}

func TestAParticipantThatIsNoneIsADeadLetterAndNotAnEmptyConversation(t *testing.T) {
	for participants, want := range map[string]*conv.Reject{
		`[{"purpose":"agent"},null]`:              {Reason: conv.ReasonMissing, Path: "participants[1]", Expected: "object", Found: "null"},
		`[{"purpose":"agent"},{},"x"]`:            {Reason: conv.ReasonType, Path: "participants[2]", Expected: "object", Found: "string"},
		`[{},{"sessions":[{},{"metrics":[[]]}]}]`: {Reason: conv.ReasonType, Path: "participants[1].sessions[1].metrics[0]", Expected: "object", Found: "array"},
		`{"purpose":"agent"}`:                     nil, // no collection: nothing stands in it
	} {
		row := `{"conversationId":"c","conversationStart":0,"participants":` + participants + `}`
		out, facts := jobs(t).Encode([]byte("kept"), 1, rowOf(t, row), nil)
		if diff := cmp.Diff(want, facts.Reject); diff != "" || want != nil && string(out) != "kept" {
			t.Errorf("%s: dst %q, %s", row, out, diff)
		}
	}
}

// withoutNulls leaves out the fields that a row does not have.
func withoutNulls(v any) any {
	switch v := v.(type) {
	case map[string]any:
		for name, inner := range v {
			if inner == nil {
				delete(v, name)
			} else {
				v[name] = withoutNulls(inner)
			}
		}
	case []any:
		for i := range v {
			v[i] = withoutNulls(v[i])
		}
	}
	return v
}
