package avro

import (
	"fmt"
	"math/rand/v2"
	"strconv"
	"strings"
	"testing"
)

// contractMaker writes random contracts.
type contractMaker struct {
	rng     *rand.Rand
	names   int
	defined []string    // types that a later field can name, as JSON
	shapes  shapeReader // which knows them
}

// contract makes contracts until one is no contradiction in itself.
func (m *contractMaker) contract(t testing.TB) *Contract {
	t.Helper()
	for {
		m.defined, m.shapes = nil, shapeReader{}
		schema := fmt.Sprintf(`{"type":"record","name":"Row","fields":[%s]}`, m.fields(0))
		c, err := Parse([]byte(schema))
		if err == nil {
			return c.WithKey([]byte("key"))
		}
		if text := err.Error(); !strings.Contains(text, "not private in the same way") && !strings.Contains(text, "at most 32") {
			t.Fatalf("%s: %v", schema, err)
		}
	}
}

// fields share keys, so that sources meet: one may be the beginning of another.
func (m *contractMaker) fields(depth int) string {
	sources := []string{"", "", "", "a", "b", "a.b", "b.a", "a.b.c", "b.c", "é"}
	var fields []string
	for i := range 1 + m.rng.IntN(5) {
		field := fmt.Sprintf(`{"name":"f%d"`, i)
		if source := sources[m.rng.IntN(len(sources))]; source != "" {
			field += fmt.Sprintf(`,"source":%q`, source)
		}
		fields = append(fields, field+m.strictness(depth)+"}")
	}
	return strings.Join(fields, ",")
}

// strictness writes a field's type with what makes it stand where the row lacks the value.
func (m *contractMaker) strictness(depth int) string {
	if m.rng.IntN(5) == 0 {
		mark := []string{"", "", `,"privacy":"drop"`}[m.rng.IntN(3)]
		union := m.union(depth)
		return []string{`,"type":[` + union + `],"required":true`, `,"type":["null",` + union + `]` + mark, `,"type":[` + union + `,"null"]` + mark,
			`,"type":[` + union + `]` + mark + `,"default":` + m.fallback("["+union+"]")}[m.rng.IntN(4)]
	}
	typ := m.branch(depth)
	def := m.fallback(typ)
	lenient := []string{"", "", `,"optional":true`, `,"privacy":"drop"`}[m.rng.IntN(4)]
	if strings.Contains(typ, `"string"`) && !strings.Contains(typ, "uuid") && !strings.Contains(typ, "record") && !strings.Contains(typ, "enum") && m.rng.IntN(2) == 0 {
		lenient = []string{`,"privacy":"mask"`, `,"privacy":"hash"`}[m.rng.IntN(2)]
	}
	switch n := m.rng.IntN(20); {
	case n < 1:
		return `,"type":` + typ + `,"required":true,"default":` + def
	case n < 2:
		return `,"type":` + typ + `,"required":true`
	case n < 3:
		return `,"type":["null",` + typ + `],"required":true`
	case n < 7:
		return `,"type":` + typ + lenient + `,"default":` + def
	case n < 9:
		return `,"type":[` + typ + `,"null"]` + lenient + `,"default":` + def
	case n < 11:
		return `,"type":[` + typ + `,"null"]` + lenient
	case n < 13:
		return `,"type":["null",` + typ + `]` + lenient
	}
	return `,"type":["null",` + typ + `]` + lenient + `,"default":null`
}

// union writes two branches or more that a row spells in different ways.
func (m *contractMaker) union(depth int) string {
	branches := []string{
		[]string{`"string"`, `{"type":"string","logicalType":"uuid"}`, `{"type":"int","logicalType":"date"}`}[m.rng.IntN(3)],
		[]string{`"long"`, `"double"`, `"int"`, `{"type":"bytes","logicalType":"decimal","precision":9,"scale":2}`}[m.rng.IntN(4)],
		`"boolean"`,
	}
	m.rng.Shuffle(len(branches), func(i, j int) { branches[i], branches[j] = branches[j], branches[i] })
	if depth > 4 {
		return strings.Join(branches[:2+m.rng.IntN(2)], ",")
	}
	branches = branches[:1+m.rng.IntN(3)]
	nested := ""
	if m.rng.IntN(2) == 0 {
		nested = `{"type":"array","items":` + m.item(depth+1) + `},`
	}
	nested += m.record(depth)
	if m.rng.IntN(2) == 0 {
		return nested + "," + strings.Join(branches, ",")
	}
	return strings.Join(branches, ",") + "," + nested
}

func (m *contractMaker) name(prefix string) string {
	m.names++
	return fmt.Sprintf("%s%d", prefix, m.names)
}

func (m *contractMaker) record(depth int) string {
	name := m.name("R")
	fields := m.fields(depth + 1)
	m.defined = append(m.defined, strconv.Quote(name))
	typ := fmt.Sprintf(`{"type":"record","name":"%s","fields":[%s]}`, name, fields)
	m.shape(typ)
	return typ
}

// branch writes a type outside a union.
func (m *contractMaker) branch(depth int) string {
	const scalars = 19
	n := m.rng.IntN(2 * scalars)
	if depth > 4 {
		n %= scalars
	}
	switch n {
	case 0, 1, 2:
		return `"string"`
	case 3, 4:
		return `"long"`
	case 5:
		return `"int"`
	case 6:
		return `"double"`
	case 7:
		return `"float"`
	case 8:
		return `"boolean"`
	case 9, 10, 11, 12, 13, 14, 15:
		logical := []string{"timestamp-millis", "timestamp-micros", "local-timestamp-millis", "local-timestamp-micros", "date", "time-millis", "time-micros"}[n-9]
		base := "long"
		if logical == "date" || logical == "time-millis" {
			base = "int"
		}
		return fmt.Sprintf(`{"type":%q,"logicalType":%q}`, base, logical)
	case 16:
		return `{"type":"string","logicalType":"uuid"}`
	case 17:
		fallback := []string{"", `,"default":"B"`}[m.rng.IntN(2)]
		return m.defines("E", `{"type":"enum","name":"%s","symbols":["A","B","true"]`+fallback+"}")
	case 18:
		if m.rng.IntN(2) == 0 {
			return `{"type":"bytes","logicalType":"decimal","precision":5,"scale":2}`
		}
		return m.defines("F", fmt.Sprintf(`{"type":"fixed","size":%d,"name":"%%s","logicalType":"decimal","precision":5,"scale":1}`, 3+m.rng.IntN(3)))
	case 19, 20, 21, 22, 23, 24, 25:
		return m.record(depth)
	case 26, 27, 28, 29, 30:
		return `{"type":"map","values":` + m.item(depth+1) + `}`
	case 31, 32:
		if len(m.defined) > 0 {
			return m.defined[m.rng.IntN(len(m.defined))]
		}
	}
	return `{"type":"array","items":` + m.item(depth+1) + `}`
}

// defines writes a type under a name of its own that later fields can use.
func (m *contractMaker) defines(prefix, format string) string {
	name := m.name(prefix)
	m.defined = append(m.defined, strconv.Quote(name))
	typ := fmt.Sprintf(format, name)
	m.shape(typ)
	return typ
}

func (m *contractMaker) item(depth int) string {
	typ := m.branch(depth)
	switch m.rng.IntN(4) {
	case 0:
		return `["null",` + typ + `]`
	case 1:
		return `[` + typ + `,"null"]`
	}
	return typ
}

// rowMaker writes random rows for a contract, of which most keep it more or less.
type rowMaker struct {
	rng     *rand.Rand
	hostile int  // one value in so many is anything at all
	lean    bool // defaults are not written; all else is as without
}

func (m *rowMaker) object(s *shape) string {
	var parts []string
	for i := range s.fields {
		f := &s.fields[i]
		if !f.required && m.rng.IntN(3) == 0 || m.rng.IntN(m.hostile) == 0 {
			continue
		}
		for range 1 + m.rng.IntN(m.hostile)/(m.hostile-1) { // now and then twice
			parts = append(parts, m.field(f))
		}
	}
	for range m.rng.IntN(3) {
		parts = append(parts, m.member([]string{"x", "f0.x", "", "c"}[m.rng.IntN(4)], m.any(0)))
	}
	m.rng.Shuffle(len(parts), func(i, j int) { parts[i], parts[j] = parts[j], parts[i] })
	return "{" + strings.Join(parts, []string{",", " ,\n"}[m.rng.IntN(2)]) + "}"
}

// field writes a field, and often with a value that says what a row without it says.
func (m *rowMaker) field(f *shapeField) string {
	if f.hasDefault && m.rng.IntN(4) == 0 {
		if member := m.member(f.source, m.spell(&f.shape, f.defaultValue)); !m.lean {
			return member
		}
		return `"unknown":0`
	}
	return m.member(f.source, m.value(&f.shape))
}

// member writes a value under a path, in any of the path's spellings.
func (m *rowMaker) member(path, value string) string {
	key, rest := path, ""
	if dots := strings.Count(path, "."); dots > 0 && m.rng.IntN(2) == 0 {
		at := strings.Index(path, ".")
		key, rest = path[:at], path[at+1:]
	}
	if rest != "" {
		value = "{" + m.member(rest, value) + "}"
	}
	return m.key(key) + ":" + value
}

func (m *rowMaker) key(key string) string {
	if key != "" && key[0] < 0x80 && m.rng.IntN(8) == 0 {
		return fmt.Sprintf(`"\u%04x%s"`, key[0], key[1:])
	}
	return strconv.Quote(key)
}

func (m *rowMaker) value(s *shape) string {
	switch n := m.rng.IntN(m.hostile); {
	case n == 0:
		return m.any(0)
	case n == 1 || s.nullable && m.rng.IntN(8) == 0:
		return "null"
	}
	switch s.kind {
	case "record":
		return m.object(s)
	case "array":
		elements := make([]string, m.rng.IntN(4))
		for i := range elements {
			elements[i] = m.value(s.items)
		}
		return "[" + strings.Join(elements, ", ") + "]"
	case "map":
		members := make([]string, m.rng.IntN(4))
		for i := range members {
			key := []string{"k", "l", "", "a.b", "é", `\ud83d`, `\ud83d\ude00`, `\n\"`}[m.rng.IntN(8)]
			members[i] = `"` + key + `":` + m.value(s.items)
		}
		return "{" + strings.Join(members, ",") + "}"
	case "string":
		return []string{`"s"`, `""`, `"\u00e9\ud83d"`, "\"\xff\"", `5.0`, `true`}[m.rng.IntN(6)]
	case "boolean":
		return []string{`true`, `false`, `"true"`}[m.rng.IntN(3)]
	case "union":
		return m.value(&s.branches[m.rng.IntN(len(s.branches))])
	case "enum":
		return []string{`"A"`, `"B"`, `"C"`, `true`, `""`}[m.rng.IntN(5)]
	case "uuid":
		return []string{`"5d8f2c1e-7a34-4b0a-9a53-0c6f0e1b9d11"`, `"5D8F2C1E-7A34-4B0A-9A53-0C6F0E1B9D11"`, `"5d8f2c1e7a344b0a9a530c6f0e1b9d11"`}[m.rng.IntN(3)]
	case "decimal":
		return []string{`0`, `-0.5`, `1.28`, `-1.29`, `"327.68"`, `-999.9`, `1e2`, `99999`, `0.001`, strconv.Itoa(m.rng.IntN(2000) - 1000)}[m.rng.IntN(10)]
	case "date":
		return []string{`"2024-02-29"`, `"2024-W09-4"`, `"19691231"`, `"2024-02-29T00:00:00Z"`, `19782`, `-1`}[m.rng.IntN(6)]
	case "time-millis", "time-micros":
		return []string{`"23:59:59.999999"`, `"0815"`, `"24:00"`, `86399999`, `86400000`, `-1`, `0`}[m.rng.IntN(7)]
	case "timestamp-micros", "local-timestamp-millis", "local-timestamp-micros":
		return []string{`"2024-02-29T23:59:59.999999+01:00"`, `"1969-12-31T23:59:59.000001"`, `"20240101T000000"`, `1704096932100`, `-1`}[m.rng.IntN(5)]
	case "timestamp-millis":
		return []string{`"2024-02-29T23:59:59"`, `"2024-02-29T23:59:59.999+01:00"`, `"2024-01-01T00:00:00Z"`, `1704096932100`, `-1`}[m.rng.IntN(5)]
	}
	return []string{`0`, `5.0`, `-7`, `"12"`, `1e3`, strconv.Itoa(m.rng.IntN(1 << 30))}[m.rng.IntN(6)]
}

// any writes a value that need not fit anything.
func (m *rowMaker) any(depth int) string {
	switch n := m.rng.IntN(6); {
	case n == 0 && depth < 4:
		return "[" + m.any(depth+1) + "," + m.any(depth+1) + "]"
	case n == 1 && depth < 4:
		return "{" + m.key([]string{"a", "b", "f0", "k"}[m.rng.IntN(4)]) + ":" + m.any(depth+1) + "}"
	case n == 2:
		return []string{`{}`, `[]`, `9223372036854775808`, `1e40`, `12345678901234567890.5`}[m.rng.IntN(5)]
	}
	return randomScalar(m.rng)
}
