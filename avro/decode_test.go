package avro

import (
	"encoding/binary"
	"errors"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/twmb/franz-go/pkg/sr"
)

// decodeRow registers a contract, encodes a row by it and decodes the value.
func decodeRow(t *testing.T, c *Contract, row string) string {
	t.Helper()
	r := registry(t)
	r.SeedSchema(subject, 1, 42, sr.Schema{Schema: c.Schema()})
	value, facts := c.Encode(nil, 42, rowOf(t, row), nil)
	if facts.Reject != nil {
		t.Fatalf("%+v", *facts.Reject)
	}
	line, err := NewDecoder(clientOf(t, r.URL())).Decode(t.Context(), value)
	if err != nil {
		t.Fatal(err)
	}
	return string(line)
}

func TestDecodedRowReadsLikeTheRow(t *testing.T) {
	want := `{"interaction_id":"voice-12345","interaction_type":"voice","conversation_id":"conv-67890",` +
		`"timestamp":"2024-01-01T08:15:32.100Z",` +
		`"attributes_custom_customer_segment":"enterprise","attributes_custom_case_priority":"high",` +
		`"metrics_queuetime_ms":12500,"metrics_handledtime_ms":340000}`
	if diff := cmp.Diff(want, decodeRow(t, reports(t), sampleRow)); diff != "" {
		t.Error(diff)
	}
}

func TestEveryTypeIsDecodedPlainly(t *testing.T) {
	row := `{"row":{"id":"<a & \"b\">\n"},"timestamp":-1,"a":{"b":null,"d":0.25,"b.d":-3},"m":{"f":1.5,"n":{"o":true,"t":0}}}`
	want := `{"id":"<a & \"b\">\n","at":"1969-12-31T23:59:59.999Z","s":null,"l":-7,"i":-3,"d":0.25,"f":1.5,"o":true,` +
		`"t":"1970-01-01T00:00:00.000Z","again":"1.5"}`
	if diff := cmp.Diff(want, decodeRow(t, everyType(t), row)); diff != "" {
		t.Error(diff)
	}
}

func TestLogicalTypesAndUnionsAreDecodedAsARowSpellsThem(t *testing.T) {
	logical := func(base, name string) string { return `["null",{"type":"` + base + `","logicalType":"` + name + `"}]` }
	c := contractOf(t,
		`{"name":"a","type":`+logical("long", "timestamp-micros")+`}`,
		`{"name":"b","type":`+logical("long", "local-timestamp-millis")+`}`,
		`{"name":"c","type":`+logical("long", "local-timestamp-micros")+`}`,
		`{"name":"d","type":`+logical("int", "date")+`}`,
		`{"name":"e","type":`+logical("int", "time-millis")+`}`,
		`{"name":"f","type":`+logical("long", "time-micros")+`}`,
		`{"name":"g","type":`+logical("string", "uuid")+`}`,
		`{"name":"h","type":["null",{"type":"bytes","logicalType":"decimal","precision":9,"scale":3}]}`,
		`{"name":"i","type":["null",{"type":"fixed","name":"x.Price","size":4,"logicalType":"decimal","precision":5,"scale":1}]}`,
		`{"name":"j","type":["null",{"type":"array","items":["null","x.Price","string",{"type":"record","name":"R","namespace":"y","fields":[
			{"name":"e","type":[{"type":"enum","name":"E","symbols":["A","B"]},"null"]},{"name":"p","type":["null","x.Price"]}]}]}]}`,
		`{"name":"k","type":["null","y.R"]}`)
	row := `{"a":"2024-01-01T00:00:00.000001Z","b":"1969-12-31T23:59:59.9","c":"2024-01-01T00:00:00.00001","d":"1969-12-31","e":"08:15","f":"23:59:59.999999",
		"g":"5d8f2c1e-7a34-4b0a-9a53-0c6f0e1b9d11","h":-1.25,"i":0,"j":[7.5,"x",null,{"e":"B","p":-0.5}],"k":{}}`
	want := `{"a":"2024-01-01T00:00:00.000001Z","b":"1969-12-31T23:59:59.900","c":"2024-01-01T00:00:00.000010","d":"1969-12-31","e":"08:15:00.000","f":"23:59:59.999999",` +
		`"g":"5d8f2c1e-7a34-4b0a-9a53-0c6f0e1b9d11","h":-1.250,"i":0.0,"j":[7.5,"x",null,{"e":"B","p":-0.5}],"k":{"e":null,"p":null}}`
	if diff := cmp.Diff(want, decodeRow(t, c, row)); diff != "" {
		t.Error(diff)
	}
}

func TestASchemaIsFetchedOnce(t *testing.T) {
	r := registry(t)
	var fetches atomic.Int32
	r.Intercept(func(_ http.ResponseWriter, req *http.Request) bool {
		if strings.HasPrefix(req.URL.Path, "/schemas/ids/") {
			fetches.Add(1)
		}
		return false
	})
	c := reports(t)
	r.SeedSchema(subject, 1, 42, sr.Schema{Schema: c.Schema()})
	value, _ := c.Encode(nil, 42, rowOf(t, sampleRow), nil)
	d := NewDecoder(clientOf(t, r.URL()))
	for range 3 {
		if _, err := d.Decode(t.Context(), value); err != nil {
			t.Fatal(err)
		}
	}
	if n := fetches.Load(); n != 1 {
		t.Errorf("%d fetches, want 1", n)
	}
}

func TestWhatCannotBeDecodedIsAnError(t *testing.T) {
	r := registry(t)
	c := reports(t)
	r.SeedSchema(subject, 1, 1, sr.Schema{Schema: c.Schema()})
	r.SeedSchema("json-value", 1, 2, sr.Schema{Schema: `{}`, Type: sr.TypeJSON})
	r.SeedSchema("text-value", 1, 3, sr.Schema{Schema: `"string"`})
	good, _ := c.Encode(nil, 1, rowOf(t, sampleRow), nil)
	header := func(id uint32, body ...byte) []byte {
		return append(binary.BigEndian.AppendUint32([]byte{0}, id), body...)
	}
	d := NewDecoder(clientOf(t, r.URL()))
	for name, test := range map[string]struct {
		value []byte
		want  string
	}{
		"empty":        {nil, "0 bytes"},
		"short":        {[]byte{0, 0, 0}, "3 bytes"},
		"not framed":   {[]byte(`{"a":1}`), "schema id"},
		"unknown id":   {header(99), "schema 99"},
		"not Avro":     {header(2), "JSON"},
		"not a record": {header(3), "record"},
		"cut short":    {good[:len(good)-3], "schema 1"},
		"too long":     {append(good[:len(good):len(good)], 0), "1 bytes are left"},
	} {
		_, err := d.Decode(t.Context(), test.value)
		if err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: got %v; want an error with %q", name, err, test.want)
		}
	}
	var registryErr *RegistryError
	if _, err := d.Decode(t.Context(), header(99)); !errors.As(err, &registryErr) {
		t.Errorf("got %v; want a RegistryError", err)
	}
}

func TestNestedValuesAreDecodedAsJSON(t *testing.T) {
	row := `{"id":"a","r":{"m.l":null,"t":{"at":0}},"r.d":{"z":[0.5,2],"<&>":[],"e":[],"d":[],"g":[],"c":[],"f":[],"b":[]},"c":{"x":{"n":-1}},
		"a":[null,{"k":"\"é\"","f":[[],[1,null]],"m":{"b":true,"a":null}},{"k":"","m":null}]}`
	want := `{"id":"a","r":{"s":null,"u":0,"l":null,"i":3,"t":"1970-01-01T00:00:00.000Z"},` +
		`"a":[null,{"k":"\"é\"","f":[[],[1,null]],"m":{"a":null,"b":true}},{"k":"","f":null,"m":null}],` +
		`"d":{"<&>":[],"b":[],"c":[],"d":[],"e":[],"f":[],"g":[],"z":[0.5,2]},"c":{"x":{"n":-1}}}`
	if diff := cmp.Diff(want, decodeRow(t, everyNesting(t), row)); diff != "" {
		t.Error(diff)
	}
	want = `{"id":"a","r":null,"a":[],"d":null,"c":{}}`
	if diff := cmp.Diff(want, decodeRow(t, everyNesting(t), `{"id":"a","c":{}}`)); diff != "" {
		t.Error(diff)
	}
}

// A record of one field looks like a union's branch to whoever does not know the schema.
func TestRecordsAndMapsOfOneMemberAreNotTakenForUnions(t *testing.T) {
	c := contractOf(t,
		`{"name":"r","type":{"type":"record","name":"R","fields":[{"name":"string","type":["null","string"]}]},"required":true}`,
		`{"name":"m","type":{"type":"map","values":"string"},"required":true}`,
		`{"name":"l","type":{"type":"array","items":{"type":"map","values":["null","long"]}},"required":true}`)
	want := `{"r":{"string":"x"},"m":{"map":"y"},"l":[{"long":1},{"long":null}]}`
	if diff := cmp.Diff(want, decodeRow(t, c, want)); diff != "" {
		t.Error(diff)
	}
}

// Other programs may write to the topic, by schemas that no contract can have.
func TestForeignSchemasAreDecodedToo(t *testing.T) {
	r := registry(t)
	r.SeedSchema(subject, 1, 7, sr.Schema{Schema: ` {"type":"record","name":"Row","fields":[
		{"name":"e","type":{"type":"enum","name":"E","symbols":["A","B"]}},
		{"name":"u","type":["null","string","long"]},
		{"name":"n","type":["null","Row"]}]}`})
	value := []byte{0, 0, 0, 0, 7, 2, 4, 10, 2, 0, 0, 0} // B, 5, a row of A, null, null
	got, err := NewDecoder(clientOf(t, r.URL())).Decode(t.Context(), value)
	if want := `{"e":"B","u":5,"n":{"e":"A","u":null,"n":null}}`; err != nil || string(got) != want {
		t.Errorf("%s, %v; want %s", got, err, want)
	}
}

func TestADamagedCountAsksForNoMemory(t *testing.T) {
	r := registry(t)
	c := contractOf(t, `{"name":"l","type":{"type":"array","items":"string"},"required":true}`)
	r.SeedSchema(subject, 1, 1, sr.Schema{Schema: c.Schema()})
	value := append([]byte{0, 0, 0, 0, 1}, avroLong(1<<31-1)...)
	_, err := NewDecoder(clientOf(t, r.URL())).Decode(t.Context(), value)
	if err == nil || !strings.Contains(err.Error(), "MaxBlockCount") {
		t.Errorf("%v", err)
	}
}
