package app

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"convstream/avro"
	"convstream/internal/app/config"
	"convstream/internal/conv/rowtest"
	"convstream/internal/route"
)

// shape is what rows have at a place, and how the contracts of a test mark it.
type shape struct {
	kind   string // "object", "map", "array" or "text"
	keys   []string
	inner  []*shape // of an object one for each key, of the others one
	secret bool     // a text that a contract hashes or masks
	gone   bool     // dropped by a contract, with all that it holds
}

// leakMaker makes random contracts, rows and expressions whose words meet often.
type leakMaker struct {
	*rand.Rand
	secrets *rand.Rand // draws what marked places hold
	names   int
}

func (m *leakMaker) one(of ...string) string { return of[m.IntN(len(of))] }

func (m *leakMaker) shape(depth int) *shape {
	kinds := []string{"text", "text", "object", "object", "array", "map"}
	if depth > 3 {
		kinds = kinds[:1]
	}
	if depth == 0 {
		kinds = []string{"object"}
	}
	s := &shape{kind: m.one(kinds...)}
	switch s.kind {
	case "object":
		for _, key := range []string{"a", "b", "c"} {
			if depth == 0 || m.IntN(2) == 0 || key == "a" {
				s.keys, s.inner = append(s.keys, key), append(s.inner, m.shape(depth+1))
			}
		}
	case "array", "map":
		s.inner = []*shape{m.shape(depth + 1)}
	}
	return s
}

// fields writes contracted fields of an object, some of them straight from an object inside it.
func (m *leakMaker) fields(s *shape, above string) (fields []string) {
	for i, key := range s.keys {
		inner := s.inner[i]
		switch {
		case m.IntN(4) == 0:
		case inner.kind == "object" && m.IntN(3) == 0:
			fields = append(fields, m.fields(inner, above+key+".")...)
		default:
			m.names++
			fields = append(fields, fmt.Sprintf(`{"name":"f%d","source":"%s%s","default":null,"type":["null",%s]%s}`, m.names, above, key, m.avroType(inner), m.mark(inner)))
		}
	}
	return fields
}

func (m *leakMaker) avroType(s *shape) string {
	switch s.kind {
	case "array":
		return `{"type":"array","items":` + m.avroType(s.inner[0]) + `}`
	case "map":
		return `{"type":"map","values":` + m.avroType(s.inner[0]) + `}`
	case "object":
		m.names++
		name := m.names
		fields := m.fields(s, "")
		if len(fields) == 0 {
			fields = []string{`{"name":"none","type":["null","string"],"default":null}`}
		}
		return fmt.Sprintf(`{"type":"record","name":"R%d","fields":[%s]}`, name, strings.Join(fields, ","))
	}
	return `"string"`
}

func (m *leakMaker) mark(s *shape) string {
	switch text := s.text(); {
	case m.IntN(10) == 0:
		s.gone = true
		return `,"privacy":"drop"`
	case text != nil && m.IntN(3) == 0:
		text.secret = true
		return m.one(`,"privacy":"mask"`, `,"privacy":"hash"`)
	}
	return ""
}

// text is the text, or that of an array or a map of texts; nil of anything else.
func (s *shape) text() *shape {
	for s.kind == "array" || s.kind == "map" {
		s = s.inner[0]
	}
	if s.kind == "text" {
		return s
	}
	return nil
}

// value writes what stands at a place. The marked ones are drawn by secrets alone.
func (m *leakMaker) value(s *shape) string {
	if s.gone {
		drawn := &leakMaker{Rand: m.secrets, secrets: m.secrets}
		plain := *s
		plain.gone = false
		return drawn.one("null", drawn.value(&plain), `{"a":"token1"}`)
	}
	switch s.kind {
	case "object":
		return "{" + strings.Join(m.members(s, ""), ",") + "}"
	case "array":
		return "[" + m.value(s.inner[0]) + "," + m.value(s.inner[0]) + "]"
	case "map":
		return `{"a":` + m.value(s.inner[0]) + `,"k.l":` + m.value(s.inner[0]) + `}`
	}
	if s.secret {
		return fmt.Sprintf(`"%s"`, []string{"a", "b", "token0", "token1", "1", ""}[m.secrets.IntN(6)])
	}
	return m.one(`"a"`, `"b"`, `"c"`, `"a.b"`, `"1"`)
}

// members writes an object's members, and now and then those of one inside it under keys with dots.
func (m *leakMaker) members(s *shape, above string) (members []string) {
	for i, key := range s.keys {
		if inner := s.inner[i]; inner.kind == "object" && !inner.gone && m.IntN(3) == 0 {
			members = append(members, m.members(inner, above+key+".")...)
		} else {
			members = append(members, fmt.Sprintf("%q:%s", above+key, m.value(inner)))
		}
	}
	return members
}

// path writes an expression that follows a shape from a place, more or less.
func (m *leakMaker) path(at string, s *shape, depth int) string {
	if m.IntN(8) == 0 {
		return at
	}
	switch s.kind {
	case "object", "map":
		i, key := 0, m.one("a", "k.l")
		if s.kind == "object" {
			i = m.IntN(len(s.keys))
			key = s.keys[i]
		}
		step := m.one("."+key, `["`+key+`"]`, "[kind]", `["" + kind]`, "["+m.index(depth)+"]", "?."+key)
		if strings.HasSuffix(step, ".k.l") {
			step = `["k.l"]`
		}
		return m.path(at+step, s.inner[i], depth)
	case "array":
		if m.IntN(3) > 0 {
			return m.path(at+"["+m.one("0", "-1", m.index(depth))+"]", s.inner[0], depth)
		}
		inner := m.path("#", s.inner[0], depth)
		return fmt.Sprintf(m.one("map(%[1]s, %[2]s)[0]", `find(%[1]s, %[2]s == "a")`, "filter(%[1]s, %[2]s != nil)[0]",
			`count(%[1]s, %[2]s == "b")`, "len(%[1]s)", "map(%[1]s, [%[2]s])[0][0]"), at, inner)
	}
	return at
}

func (m *leakMaker) index(depth int) string {
	if depth > 2 {
		return m.one("0", "kind")
	}
	return m.one("0", "kind", "n", "n - 1", "number(n)", `"a" + ""`, `"a"`, `kind ?? 0`, m.expression(depth+1))
}

var world *shape // that expressions of the test at work read

func (m *leakMaker) expression(depth int) string {
	i := m.IntN(len(world.keys))
	path := m.path(world.keys[i], world.inner[i], depth)
	if depth > 2 {
		return path
	}
	switch m.IntN(12) {
	case 0:
		return m.one("lower", "upper", "trim", "string", "len", "number") + "(" + path + ")"
	case 1:
		return "(" + path + " ?? " + m.one("nil", m.expression(depth+1)) + ")"
	case 2:
		return "(" + path + m.one(" == ", " != ", " < ", " in ", " contains ") + m.one("nil", `"a"`, m.expression(depth+1)) + ` ? "x" : ` + m.one(`"y"`, m.expression(depth+1)) + ")"
	case 3:
		return "(" + path + " + " + m.expression(depth+1) + ")"
	case 4:
		return m.path("("+m.one(path+" ?? "+world.keys[0], "n == 1 ? "+path+" : "+world.keys[0])+")", world.inner[0], depth)
	case 5:
		return "[" + path + "][" + m.one("0", "n") + "]"
	}
	return path
}

// Two rows that differ in nothing but what some contract marks have one key, and one verdict of a filter that nobody is warned of.
func TestNothingPrivateDecidesAKeyOrAnUnnotedFilter(t *testing.T) {
	var keys, filters, refused, caught int
	for seed := range uint64(60) {
		m := &leakMaker{Rand: rand.New(rand.NewPCG(2026, seed))}
		world = m.shape(0)
		r := routing{}
		for range 2 {
			schema := `{"type":"record","name":"Row","fields":[` + strings.Join(append(m.fields(world, ""), `{"name":"id","type":["null","string"],"default":null}`), ",") + `]}`
			c, err := avro.Parse([]byte(schema))
			if err != nil {
				t.Fatalf("%s: %v", schema, err)
			}
			r.contracts = append(r.contracts, routeContract{contract: c, place: "contract.file"})
		}
		for range 40 {
			key := m.expression(0)
			filter := m.one(key+` == "a"`, "not ("+key+" == nil)", key+" == "+m.expression(0), key+` in ["a", "token1"]`)
			selector, err := route.Compile(filter, key)
			if err != nil {
				continue // it is no string, or the like
			}
			r.peeking = nil
			err = r.checkPrivacy(config.Config{Routes: []config.Route{{Place: "routes[0]", Name: "r", Filter: filter, Key: key}}})
			public, shown := rand.NewPCG(seed, 1), rand.NewPCG(seed, 1)
			first := rowtest.Of(t, (&leakMaker{Rand: rand.New(public), secrets: rand.New(rand.NewPCG(1, m.Uint64()))}).row())
			second := rowtest.Of(t, (&leakMaker{Rand: rand.New(shown), secrets: rand.New(rand.NewPCG(2, m.Uint64()))}).row())
			one, oneErr := selector.Key(nil, first)
			two, twoErr := selector.Key(nil, second)
			same := string(one) == string(two) && fmt.Sprint(oneErr) == fmt.Sprint(twoErr)
			switch {
			case err != nil && !same:
				refused, caught = refused+1, caught+1
			case err != nil:
				refused++
			case !same || strings.Contains(strings.ToLower(string(one)+string(two)), "token"):
				t.Fatalf("seed %d: the key %s is %q and %q, %v and %v, of\n%s\n%s\nby\n%s\n%s", seed, key, one, two, oneErr, twoErr, first.Raw, second.Raw,
					r.contracts[0].contract.Schema(), r.contracts[1].contract.Schema())
			case oneErr == nil:
				keys++
			}
			if r.peeking != nil {
				continue
			}
			keep, keepErr := selector.Select(first)
			again, againErr := selector.Select(second)
			if keep != again || fmt.Sprint(keepErr) != fmt.Sprint(againErr) {
				t.Fatalf("seed %d: the filter %s says %v and %v, %v and %v, of\n%s\n%s", seed, filter, keep, again, keepErr, againErr, first.Raw, second.Raw)
			}
			filters++
		}
	}
	// Few of one kind would mean that the generator proves little about it.
	if keys < 300 || filters < 500 || refused < 800 || caught < 300 {
		t.Errorf("%d keys, %d filters, %d refused and %d of them for a reason that was seen", keys, filters, refused, caught)
	}
}

// row writes a row of the world, with what expressions compute names and indexes of.
func (m *leakMaker) row() string {
	return fmt.Sprintf(`{"kind":%s,"n":%s,%s`, m.one(`"a"`, `"b"`, `"c"`, `"a.b"`, `"b.a"`), m.one("0", "1"), strings.TrimPrefix(m.value(world), "{"))
}
