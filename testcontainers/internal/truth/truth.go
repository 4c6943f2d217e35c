// Package truth says what a reader has to see of a row's JSON by a contract. It has nothing of convstream's encoder, and
// knows of rows that keep the contract only: what convstream makes of others has tests of its own.
package truth

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Schema is the contract of a row, or of a part of it.
type Schema struct {
	kind     string // Avro's
	logical  string
	fields   []field
	items    *Schema // of an array the items, of a map the values
	nullable bool
	whole    bool
}

type field struct {
	name    string
	source  string // the path in the object that the record is read from
	typ     *Schema
	absent  any // what a reader sees where the object lacks the value
	privacy string
}

// Parse reads a contract: records, arrays and maps of each other and of plain values, nullable or not.
func Parse(avsc string) (*Schema, error) {
	var s Schema
	return &s, json.Unmarshal([]byte(avsc), &s)
}

// UnmarshalJSON reads "string", ["null", X] and {"type": …}.
func (s *Schema) UnmarshalJSON(text []byte) error {
	switch text[0] {
	case '"':
		return json.Unmarshal(text, &s.kind)
	case '[':
		var branches []json.RawMessage
		if err := json.Unmarshal(text, &branches); err != nil || len(branches) != 2 || string(branches[0]) != `"null"` {
			return fmt.Errorf("union %.100s is not one of null and one other type: %w", text, err)
		}
		s.nullable = true
		return s.UnmarshalJSON(branches[1])
	}
	var object struct {
		Type    json.RawMessage
		Logical string `json:"logicalType"`
		Items   *Schema
		Values  *Schema
		Fields  []field
	}
	if err := json.Unmarshal(text, &object); err != nil {
		return err
	}
	s.logical, s.items, s.fields = object.Logical, object.Items, object.Fields
	if object.Values != nil {
		s.items = object.Values
	}
	return json.Unmarshal(object.Type, &s.kind)
}

// UnmarshalJSON reads a field of a record.
func (f *field) UnmarshalJSON(text []byte) error {
	var object struct {
		Name, Source, Privacy string
		Type                  *Schema
		Default               json.RawMessage
	}
	if err := json.Unmarshal(text, &object); err != nil {
		return err
	}
	f.name, f.typ, f.privacy = object.Name, object.Type, object.Privacy
	f.source = cmp.Or(object.Source, object.Name)
	if object.Default == nil {
		return nil
	}
	var err error
	f.absent, err = plain(object.Default)
	return err
}

// Names are those of the record's own fields, in the contract's order.
func (s *Schema) Names() (names []string) {
	for _, f := range s.fields {
		names = append(names, f.name)
	}
	return names
}

// Whole makes it an error that an object has a member of which no field is read. Sources are keys then, not paths.
func (s *Schema) Whole() *Schema {
	s.whole = true
	for _, f := range s.fields {
		f.typ.Whole()
	}
	if s.items != nil {
		s.items.Whole()
	}
	return s
}

// Of is what a reader sees of a JSON value. Of a record it sees every field, its default or null where the JSON has
// none.
func (s *Schema) Of(raw json.RawMessage) (any, error) { return s.of(raw, "") }

func (s *Schema) of(raw json.RawMessage, privacy string) (any, error) {
	if string(raw) == "null" {
		if !s.nullable {
			return nil, fmt.Errorf("null for a %s", s.kind)
		}
		return nil, nil
	}
	switch {
	case s.logical == "timestamp-millis":
		var at time.Time
		err := json.Unmarshal(raw, &at)
		return json.Number(strconv.FormatInt(at.UnixMilli(), 10)), err
	case s.kind == "record":
		return s.record(raw)
	case s.kind == "array":
		return s.array(raw, privacy)
	case s.kind == "map":
		return s.entries(raw, privacy)
	}
	value, err := plain(raw)
	if text, is := value.(string); is && privacy == "mask" && text != "" {
		return "***", err
	}
	return value, err
}

func (s *Schema) record(raw json.RawMessage) (any, error) {
	seen := map[string]any{}
	for _, f := range s.fields {
		value, there, err := find(raw, strings.Split(f.source, "."))
		if err == nil && !there {
			if f.absent == nil && !f.typ.nullable {
				err = fmt.Errorf("a row without it breaks the contract")
			}
			seen[f.name] = f.absent
		} else if err == nil {
			seen[f.name], err = f.typ.of(value, f.privacy)
		}
		if err != nil {
			return nil, fmt.Errorf("%s: %w", f.name, err)
		}
	}
	if !s.whole {
		return seen, nil
	}
	var members map[string]json.RawMessage
	if err := json.Unmarshal(raw, &members); err != nil {
		return nil, err
	}
	for key := range members {
		if !slices.ContainsFunc(s.fields, func(f field) bool { return f.source == key }) {
			return nil, fmt.Errorf("no field is read from %s", key)
		}
	}
	return seen, nil
}

// find looks a path up: under one key that is all of it, or object by object, or in any mixture of both.
func find(raw json.RawMessage, path []string) (value json.RawMessage, there bool, err error) {
	if string(raw) == "null" {
		return nil, false, nil
	}
	var members map[string]json.RawMessage
	if err := json.Unmarshal(raw, &members); err != nil {
		return nil, false, err
	}
	for n := len(path); n > 0; n-- {
		value, there := members[strings.Join(path[:n], ".")]
		if there && n == len(path) {
			return value, true, nil
		}
		if there {
			if value, there, err := find(value, path[n:]); err != nil || there {
				return value, there, err
			}
		}
	}
	return nil, false, nil
}

func (s *Schema) array(raw json.RawMessage, privacy string) (any, error) {
	var items []json.RawMessage
	if err := json.Unmarshal(raw, &items); err != nil {
		return nil, err
	}
	list := make([]any, len(items))
	for i, item := range items {
		value, err := s.items.of(item, privacy)
		if err != nil {
			return nil, fmt.Errorf("element %d: %w", i, err)
		}
		list[i] = value
	}
	return list, nil
}

func (s *Schema) entries(raw json.RawMessage, privacy string) (any, error) {
	var values map[string]json.RawMessage
	if err := json.Unmarshal(raw, &values); err != nil {
		return nil, err
	}
	entries := map[string]any{}
	for key, value := range values {
		var err error
		if entries[key], err = s.items.of(value, privacy); err != nil {
			return nil, fmt.Errorf("%s: %w", key, err)
		}
	}
	return entries, nil
}

func plain(raw json.RawMessage) (value any, err error) {
	d := json.NewDecoder(bytes.NewReader(raw))
	d.UseNumber()
	return value, d.Decode(&value)
}
