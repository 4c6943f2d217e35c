package avro

import (
	"encoding/json"
	"fmt"
	"maps"
	"math/big"
	"slices"
	"strings"
)

// naiveDefault is what goavro needs to encode a default, which Avro spells by the names of fields,
// the first branches of unions and the bytes of decimals. A default is published as it stands.
func naiveDefault(s *shape, v any) (native any) {
	if s.nullable && s.nullFirst {
		return nil
	}
	plain := *s
	if s.kind == "union" {
		plain = s.branches[0]
	}
	plain.privacy = ""
	switch plain.kind {
	case "record":
		members := map[string]any{}
		for i := range plain.fields {
			f := &plain.fields[i]
			given, ok := v.(map[string]any)[f.name]
			if !ok {
				given = f.defaultValue
			}
			members[f.name] = naiveDefault(&f.shape, given)
		}
		native = members
	case "array":
		list := []any{}
		for _, item := range v.([]any) {
			list = append(list, naiveDefault(plain.items, item))
		}
		native = list
	case "map":
		members := map[string]any{}
		for key, value := range v.(map[string]any) {
			members[key] = naiveDefault(plain.items, value)
		}
		native = members
	case "decimal":
		native, _, _ = naiveDecimal(&plain, decimalDefault(&plain, v.(string)))
	default:
		native, _, _ = (&naive{}).scalar(&plain, v, "")
	}
	if s.kind == "union" || s.nullable {
		return map[string]any{plain.branch: native}
	}
	return native
}

// decimalDefault is the number that the default of a decimal spells, in digits.
func decimalDefault(s *shape, text string) string {
	unscaled := new(big.Int)
	for i, r := range text {
		if i == 0 && r >= 0x80 {
			unscaled.SetInt64(-1)
		}
		unscaled.Lsh(unscaled, 8).Add(unscaled, big.NewInt(int64(r)))
	}
	scale := new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(s.scale)), nil)
	return new(big.Rat).SetFrac(unscaled, scale).FloatString(s.scale)
}

// spell writes a default as a row spells the same value.
func (m *rowMaker) spell(s *shape, v any) string {
	if s.nullable && s.nullFirst {
		return "null"
	}
	if s.kind == "union" {
		s = &s.branches[0]
	}
	text := ""
	add := func(open, more string) {
		if text == "" {
			text = open + more
		} else {
			text += "," + more
		}
	}
	switch s.kind {
	case "record":
		for i := range s.fields {
			f := &s.fields[i]
			given, ok := v.(map[string]any)[f.name]
			if !ok {
				given = f.defaultValue
			}
			if ok || m.rng.IntN(2) == 0 {
				add("{", m.member(f.source, m.spell(&f.shape, given)))
			}
		}
		if text == "" {
			return "{}"
		}
		return text + "}"
	case "array":
		for _, item := range v.([]any) {
			add("[", m.spell(s.items, item))
		}
		if text == "" {
			return "[]"
		}
		return text + "]"
	case "map":
		members := v.(map[string]any)
		for _, key := range slices.Sorted(maps.Keys(members)) {
			add("{", m.key(key)+":"+m.spell(s.items, members[key]))
		}
		if text == "" {
			return "{}"
		}
		return text + "}"
	case "decimal":
		return decimalDefault(s, v.(string))
	}
	spelt, _ := json.Marshal(v) // it was read from JSON
	return string(spelt)
}

// fallback writes a default for a type.
func (m *contractMaker) fallback(typ string) string { return m.fallbackOf(new(m.shape(typ))) }

// shape reads a type, and from then on knows it by its name.
func (m *contractMaker) shape(typ string) shape {
	var schema any
	dec := json.NewDecoder(strings.NewReader(typ))
	dec.UseNumber()
	if err := dec.Decode(&schema); err != nil {
		panic(err) // the type was made here
	}
	return m.shapes.read(schema, "")
}

func (m *contractMaker) fallbackOf(s *shape) string {
	one := func(of ...string) string { return of[m.rng.IntN(len(of))] }
	switch {
	case s.nullable && s.nullFirst:
		return "null"
	case s.kind == "union":
		return m.fallbackOf(&s.branches[0])
	case s.nested():
		return m.nestedFallback(s)
	}
	switch s.kind {
	case "string":
		return one(`"\u00e9"`, `"\u00e9"`, `"***"`, `""`)
	case "boolean":
		return one("true", "false")
	case "enum":
		return `"B"`
	case "uuid":
		return `"5d8f2c1e-7a34-4b0a-9a53-0c6f0e1b9d11"`
	case "double", "float":
		return one("2.5", "-0.0", "5")
	case "decimal":
		if s.size > 0 {
			return `"` + strings.Repeat(`\u0000`, s.size-3) + one(`\u0000\u0000\u0000`, `\u0000\u0004\u00ff`, `\u0001\u0086\u009f`) + `"`
		}
		return one(`"\u0000"`, `"\u0000\u0000\u0080"`, `"\u00ff\u007f"`, `"\u00ff\u00ff\u0087"`, `"2"`)
	}
	return one("7", "0", "86399999") // in range of each number and each time
}

func (m *contractMaker) nestedFallback(s *shape) string {
	var members []string
	switch s.kind {
	case "record":
		for i := range s.fields {
			f := &s.fields[i]
			// hamba takes its own reading of other defaults for a fault when they are left out here.
			plain := f.defaultNull || !f.nested() && f.kind != "union" && f.kind != "decimal"
			if f.hasDefault && plain && m.rng.IntN(2) == 0 {
				continue
			}
			members = append(members, fmt.Sprintf("%q:%s", f.name, m.fallbackOf(&f.shape)))
		}
	default:
		for range m.rng.IntN(3) {
			item := m.fallbackOf(s.items)
			if s.kind == "map" {
				item = []string{`"k"`, `"a.b"`, `"\u00e9"`}[len(members)] + ":" + item
			}
			members = append(members, item)
		}
	}
	if s.kind == "array" {
		return "[" + strings.Join(members, ",") + "]"
	}
	return "{" + strings.Join(members, ",") + "}"
}
