package avro

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"strings"
)

// pairMaker makes random contracts of every type, and rows for them.
type pairMaker struct {
	*rand.Rand
	named int
}

func (m *pairMaker) one(of ...string) string { return of[m.IntN(len(of))] }

func (m *pairMaker) fields(depth int) string {
	var fields []string
	for i := range 1 + m.IntN(4) {
		field := fmt.Sprintf(`{"name":"f%d","source":%q`, i, m.one("a", "b", "c", "a.b", "b.a", "a.b.c", "d.e", "f"))
		typ, fallback := m.typ(depth, false)
		switch n := m.IntN(12); {
		case n < 3:
			field += `,"required":true,"type":` + m.one(typ, m.orNull(typ))
		case n < 7 && fallback != "":
			field += m.one("", "", `,"privacy":"drop"`) + `,"type":` + typ + `,"default":` + fallback
		case n == 7:
			field += `,"privacy":"drop","default":null,"type":` + m.orNull(typ)
		default:
			field += `,"default":null,"type":` + m.orNull(typ)
		}
		fields = append(fields, field+"}")
	}
	return strings.Join(fields, ",")
}

// orNull puts null before a type, or before those of a union.
func (m *pairMaker) orNull(typ string) string {
	return `["null",` + strings.TrimSuffix(strings.TrimPrefix(typ, "["), "]") + `]`
}

// typ is a type, and a default for it where it can have one.
func (m *pairMaker) typ(depth int, inUnion bool) (typ, fallback string) {
	n := m.IntN(9)
	if depth > 3 {
		n = m.IntN(4)
	}
	switch {
	case n < 4:
		typ = scalarTypes[m.IntN(len(scalarTypes))]
		fallback = map[string]string{`"string"`: `"s"`, `"long"`: `-7`, `"int"`: `7`, `"double"`: `2.5`, `"float"`: `0.5`, `"boolean"`: `true`}[typ]
		for _, name := range []string{`"E1"`, `"E2"`, `"D"`} { // each is defined anew, under a name of its own
			m.named++
			typ = strings.Replace(typ, name, fmt.Sprintf(`"N%d"`, m.named), 1)
		}
		return typ, fallback
	case n == 4:
		m.named++
		return m.withFallback(fmt.Sprintf(`{"type":"record","name":"R%d","fields":[%s]}`, m.named, m.fields(depth+1)))
	case n == 5:
		items, _ := m.typ(depth+1, false)
		return m.withFallback(`{"type":"array","items":` + m.one(items, m.orNull(items)) + `}`)
	case n == 6:
		values, _ := m.typ(depth+1, false)
		return m.withFallback(`{"type":"map","values":` + m.one(values, m.orNull(values)) + `}`)
	case inUnion:
		return `"boolean"`, `true`
	}
	first, fallback := m.typ(depth, true)
	second, _ := m.typ(depth, true)
	return "[" + first + "," + second + "]", fallback
}

func (m *pairMaker) withFallback(typ string) (_, fallback string) {
	return typ, (&contractMaker{rng: m.Rand, shapes: shapeReader{}}).fallback(typ)
}

// object is a row for a record: most values are of the kind that its field expects.
func (m *pairMaker) object(r *record, depth int) map[string]any {
	row := map[string]any{}
	for i := range r.fields {
		f := &r.fields[i]
		if m.IntN(6) == 0 {
			continue
		}
		keys := strings.Split(f.source, ".")
		if m.IntN(2) == 0 {
			keys = []string{f.source}
		}
		put(row, keys, m.value(&f.avroType, depth))
	}
	if m.IntN(4) == 0 {
		put(row, []string{m.one("a", "b", "x", "d", "a.b")}, m.anything(depth))
	}
	return row
}

// put sets a value behind keys, and steps over one that something else stands on the way to.
func put(row map[string]any, keys []string, value any) {
	if len(keys) == 1 {
		if _, taken := row[keys[0]]; !taken {
			row[keys[0]] = value
		}
		return
	}
	if _, taken := row[keys[0]]; !taken {
		row[keys[0]] = map[string]any{}
	}
	if inner, ok := row[keys[0]].(map[string]any); ok {
		put(inner, keys[1:], value)
	}
}

func (m *pairMaker) value(t *avroType, depth int) any {
	if m.IntN(10) == 0 {
		return m.anything(depth)
	}
	switch t.kind {
	case typeUnion:
		return m.value(&t.branches[m.IntN(len(t.branches))], depth)
	case typeRecord:
		return m.object(t.record, depth+1)
	case typeArray:
		list := []any{}
		for range m.IntN(3) {
			list = append(list, m.value(t.items, depth+1))
		}
		return list
	case typeMap:
		members := map[string]any{}
		for range m.IntN(3) {
			members[m.one("a", "k", "a.b")] = m.value(t.items, depth+1)
		}
		return members
	}
	return json.RawMessage(spellings[m.IntN(len(spellings))])
}

func (m *pairMaker) anything(depth int) any {
	switch n := m.IntN(6); {
	case n == 0:
		return nil
	case n == 1 && depth < 4:
		return []any{m.anything(depth + 1), nil}
	case n == 2 && depth < 4:
		return map[string]any{m.one("a", "b", "e"): m.anything(depth + 1)}
	}
	return json.RawMessage(spellings[m.IntN(len(spellings))])
}

// ambiguous says whether a row has a source in several spellings.
func ambiguous(r *record, row map[string]any) bool {
	for i := range r.fields {
		values := spelled(row, r.fields[i].source)
		if len(values) > 1 {
			return true
		}
		for _, v := range values {
			if ambiguousInside(&r.fields[i].avroType, v) {
				return true
			}
		}
	}
	return false
}

func ambiguousInside(t *avroType, value any) bool {
	for i := range t.branches {
		if ambiguousInside(&t.branches[i], value) {
			return true
		}
	}
	switch v := value.(type) {
	case map[string]any:
		if t.kind == typeRecord {
			return ambiguous(t.record, v)
		}
		for _, inner := range v {
			if t.kind == typeMap && ambiguousInside(t.items, inner) {
				return true
			}
		}
	case []any:
		for _, inner := range v {
			if t.kind == typeArray && ambiguousInside(t.items, inner) {
				return true
			}
		}
	}
	return false
}

// spelled lists the values that a row has for a source, in all its spellings.
func spelled(row map[string]any, source string) (values []any) {
	for key, v := range row {
		if key == source {
			values = append(values, v)
		}
		rest, below := strings.CutPrefix(source, key+".")
		if inner, ok := v.(map[string]any); ok && below {
			values = append(values, spelled(inner, rest)...)
		}
	}
	return values
}
