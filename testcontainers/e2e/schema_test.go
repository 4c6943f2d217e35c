package e2e

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strconv"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/sr"

	"convstream/testcontainers"
)

// schema is an Avro schema as far as the contract of conversations uses it: records, arrays and maps of each other and
// of plain values, nullable or not. It says what a reader has to see of a conversation's JSON, in a few lines that have
// nothing of convstream's encoder.
type schema struct {
	Type     string
	Logical  string
	Fields   []field
	Items    *schema
	Nullable bool
}

type field struct {
	Name string
	Type *schema
}

// newestSchema reads the schema of a topic's values from the registry.
func newestSchema(t *testing.T, env *testcontainers.Env, topic string) *schema {
	t.Helper()
	registry, err := sr.NewClient(sr.URLs(env.RegistryURL))
	if err != nil {
		t.Fatal(err)
	}
	newest, err := registry.SchemaByVersion(t.Context(), topic+"-value", -1)
	if err != nil {
		t.Fatal(err)
	}
	var s schema
	if err := json.Unmarshal([]byte(newest.Schema.Schema), &s); err != nil {
		t.Fatal(err)
	}
	return &s
}

// UnmarshalJSON reads "string", ["null", X] and {"type": …}.
func (s *schema) UnmarshalJSON(text []byte) error {
	switch text[0] {
	case '"':
		return json.Unmarshal(text, &s.Type)
	case '[':
		var branches []json.RawMessage
		if err := json.Unmarshal(text, &branches); err != nil || len(branches) != 2 || string(branches[0]) != `"null"` {
			return fmt.Errorf("union %.100s is not one of null and one other type: %w", text, err)
		}
		s.Nullable = true
		return s.UnmarshalJSON(branches[1])
	}
	var object struct {
		Type    json.RawMessage `json:"type"`
		Logical string          `json:"logicalType"`
		Items   *schema         `json:"items"`
		Fields  []field         `json:"fields"`
	}
	if err := json.Unmarshal(text, &object); err != nil {
		return err
	}
	s.Logical, s.Items, s.Fields = object.Logical, object.Items, object.Fields
	return json.Unmarshal(object.Type, &s.Type)
}

// value is what a reader sees of a JSON value. Of a record it sees every field, null where the JSON has none.
func (s *schema) value(raw json.RawMessage) (any, error) {
	if len(raw) == 0 || string(raw) == "null" {
		if !s.Nullable {
			return nil, fmt.Errorf("null for a %s", s.Type)
		}
		return nil, nil
	}
	switch {
	case s.Logical == "timestamp-millis":
		var at time.Time
		err := json.Unmarshal(raw, &at)
		return json.Number(strconv.FormatInt(at.UnixMilli(), 10)), err
	case s.Type == "record":
		return s.record(raw)
	case s.Type == "array":
		return s.array(raw)
	case s.Type == "map":
		var values map[string]string // as far as the contract goes
		err := json.Unmarshal(raw, &values)
		entries := map[string]any{}
		for key, value := range values {
			entries[key] = value
		}
		return entries, err
	}
	var plain any
	d := json.NewDecoder(bytes.NewReader(raw))
	d.UseNumber()
	err := d.Decode(&plain)
	return plain, err
}

func (s *schema) record(raw json.RawMessage) (any, error) {
	var members map[string]json.RawMessage
	if err := json.Unmarshal(raw, &members); err != nil {
		return nil, err
	}
	fields := map[string]any{}
	for _, f := range s.Fields {
		value, err := f.Type.value(members[f.Name])
		if err != nil {
			return nil, fmt.Errorf("%s: %w", f.Name, err)
		}
		fields[f.Name] = value
		delete(members, f.Name)
	}
	for name := range members {
		return nil, fmt.Errorf("the contract has no field %s", name)
	}
	return fields, nil
}

func (s *schema) array(raw json.RawMessage) (any, error) {
	var items []json.RawMessage
	if err := json.Unmarshal(raw, &items); err != nil {
		return nil, err
	}
	list := make([]any, len(items))
	for i, item := range items {
		value, err := s.Items.value(item)
		if err != nil {
			return nil, fmt.Errorf("element %d: %w", i, err)
		}
		list[i] = value
	}
	return list, nil
}
