package avro

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"testing"

	hamba "github.com/hamba/avro/v2"
)

// schemas makes random Avro schemas, and variations of them.
type schemas struct {
	*rand.Rand
	named int
}

func (s *schemas) one(of ...any) any { return of[s.IntN(len(of))] }

// value is a random type. Types that have names get a new one each, in the order of their
// making, so that two schemas often use the same.
func (s *schemas) value(depth int, inUnion bool) any {
	kinds := 11
	if depth == 0 {
		kinds = 7
	}
	switch s.IntN(kinds) {
	case 0, 1, 2, 3, 4:
		return s.one("int", "long", "float", "double", "bytes", "string", "boolean")
	case 5:
		symbols := []any{"A", "B", "C"}
		s.Shuffle(3, func(i, j int) { symbols[i], symbols[j] = symbols[j], symbols[i] })
		enum := map[string]any{"type": "enum", "name": s.name("E"), "symbols": symbols[:1+s.IntN(3)]}
		if s.IntN(3) == 0 {
			enum["default"] = symbols[0]
		}
		return enum
	case 6:
		return map[string]any{"type": "fixed", "name": s.name("F"), "size": 1 + s.IntN(2)}
	case 7:
		return s.record(depth - 1)
	case 8:
		return map[string]any{"type": "array", "items": s.value(depth-1, false)}
	case 9:
		return map[string]any{"type": "map", "values": s.value(depth-1, false)}
	}
	if inUnion {
		return "string"
	}
	return s.union(depth - 1)
}

func (s *schemas) name(letter string) string {
	s.named++
	return fmt.Sprintf("%s%d", letter, s.named)
}

// union has branches of different kinds, as Avro demands.
func (s *schemas) union(depth int) any {
	branches, kinds := []any{}, map[string]bool{}
	if s.IntN(2) == 0 {
		branches, kinds["null"] = append(branches, "null"), true
	}
	for range 1 + s.IntN(3) {
		branch := s.value(depth, true)
		kind, ok := branch.(string)
		if !ok {
			kind = branch.(map[string]any)["type"].(string)
		}
		if !kinds[kind] {
			branches, kinds[kind] = append(branches, branch), true
		}
	}
	return branches
}

func (s *schemas) record(depth int) any {
	name := s.name("R")
	fields := []any{}
	for i := range 1 + s.IntN(4) {
		fields = append(fields, s.field(fmt.Sprintf("f%d", i), depth))
	}
	return map[string]any{"type": "record", "name": name, "fields": fields}
}

func (s *schemas) field(name string, depth int) map[string]any {
	if s.IntN(3) == 0 {
		return map[string]any{"name": name, "type": []any{"null", s.value(depth, true)}, "default": nil}
	}
	return map[string]any{"name": name, "type": s.value(depth, false)}
}

// vary returns a copy in which a few things are other ones.
func (s *schemas) vary(v any) any {
	switch v := v.(type) {
	case string:
		if s.IntN(12) == 0 && v != "null" {
			return s.one("int", "long", "double", "string", "bytes")
		}
	case []any:
		varied := []any{}
		for _, branch := range v {
			if s.IntN(12) > 0 || len(v) == 1 {
				varied = append(varied, s.vary(branch))
			}
		}
		s.Shuffle(len(varied), func(i, j int) { varied[i], varied[j] = varied[j], varied[i] })
		return varied
	case map[string]any:
		varied := map[string]any{}
		for key, inner := range v {
			switch key {
			case "items", "values":
				inner = s.vary(inner)
			case "fields":
				inner = s.varyFields(inner.([]any))
			case "symbols":
				if s.IntN(4) == 0 {
					inner = []any{"A", "B", "C"}
				}
			case "size":
				if s.IntN(8) == 0 {
					inner = 3
				}
			}
			varied[key] = inner
		}
		return varied
	}
	return v
}

func (s *schemas) varyFields(fields []any) []any {
	varied := []any{}
	for _, f := range fields {
		f := f.(map[string]any)
		field := map[string]any{"name": f["name"], "type": f["type"]}
		if value, ok := f["default"]; ok {
			field["default"] = value // null, whose union keeps its order
		} else {
			field["type"] = s.vary(f["type"])
		}
		switch s.IntN(12) {
		case 0:
			continue
		case 1:
			field["name"], field["aliases"] = f["name"].(string)+"_new", []any{f["name"]}
		}
		varied = append(varied, field)
	}
	if s.IntN(4) == 0 || len(varied) == 0 {
		varied = append(varied, s.field("added", 0))
	}
	return varied
}

func text(t testing.TB, schema any) string {
	t.Helper()
	out, err := json.Marshal(schema)
	if err != nil {
		t.Fatal(err)
	}
	return string(out)
}

// hamba/avro has a checker of its own, which knows the rules of the specification but no
// logical types, and of which it tells only the first finding.
func TestR105_VerdictsAgreeWithAnotherImplementation(t *testing.T) {
	compatible, pairs := 0, 0
	for seed := range uint64(1500) {
		s := &schemas{Rand: rand.New(rand.NewPCG(seed, 105))}
		before := s.record(3)
		after := s.vary(before)
		if seed%10 == 0 {
			s.named = 0
			after = s.record(3)
		}
		old, err := hamba.ParseWithCache(text(t, before), "", &hamba.SchemaCache{})
		if err != nil {
			continue // two branches of a union became the same
		}
		changed, err := hamba.ParseWithCache(text(t, after), "", &hamba.SchemaCache{})
		if err != nil {
			continue
		}
		pairs++
		for name, pair := range map[string][2]hamba.Schema{"BACKWARD": {changed, old}, "FORWARD": {old, changed}} {
			verdict := hamba.NewSchemaCompatibility().Compatible(pair[0], pair[1])
			found := compare(t, level(t, name), text(t, after), text(t, before))
			if (verdict == nil) != (len(found) == 0) {
				t.Fatalf("seed %d, %s: the reference says %v, ours %v\nbefore %s\nafter  %s", seed, name, verdict, found, text(t, before), text(t, after))
			}
			if verdict == nil {
				compatible++
			}
		}
	}
	if pairs < 800 || compatible < pairs/5 || compatible > 9*pairs/5 {
		t.Errorf("of %d pairs %d verdicts are compatible: the pairs prove little", pairs, compatible)
	}
}

// Whatever a registry holds is read or refused, and everything reads itself.
func FuzzIncompatibilitiesNeverPanics(f *testing.F) {
	f.Add(rowSchema(of("a", `["null",{"type":"array","items":"int"}]`)), rowSchema(of("a", `{"type":"map","values":"long"}`)))
	f.Add(`{"type":"record","name":"a.N","fields":[{"name":"n","type":["null","N"]}]}`, `{"type":{"type":"enum","name":"E","symbols":["A"]}}`)
	f.Add(`[["null"],[]]`, `{"type":"fixed","name":"","size":1,"logicalType":"decimal","precision":1}`)
	f.Fuzz(func(t *testing.T, before, after string) {
		full := level(t, "FULL").Stable()
		if _, err := Incompatibilities(full, []string{before}, after); err != nil {
			return
		}
		if found, err := Incompatibilities(full, []string{after}, after); err != nil || len(found) > 0 {
			t.Errorf("it does not read itself: %v, %v", found, err)
		}
	})
}
