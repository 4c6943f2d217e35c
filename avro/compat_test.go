package avro

import (
	"fmt"
	"strings"
	"testing"
)

// row is a record schema with the fields given as JSON.
func rowSchema(fields ...string) string {
	return `{"type":"record","name":"acme.Row","fields":[` + strings.Join(fields, ",") + `]}`
}

// of is a field of a type given as JSON.
func of(name, avroType string) string { return fmt.Sprintf(`{"name":%q,"type":%s}`, name, avroType) }

// orNull is a field that may be null, and is where a row lacks it.
func orNull(name, avroType string) string {
	return fmt.Sprintf(`{"name":%q,"type":["null",%s],"default":null}`, name, avroType)
}

func level(t testing.TB, name string) Level {
	t.Helper()
	l, err := ParseLevel(name)
	if err != nil {
		t.Fatal(err)
	}
	return l
}

func compare(t testing.TB, l Level, candidate string, versions ...string) []Incompatibility {
	t.Helper()
	found, err := Incompatibilities(l, versions, candidate)
	if err != nil {
		t.Fatal(err)
	}
	return found
}

func TestR105_AChangeIsCheckedByTheRulesOfSchemaResolution(t *testing.T) {
	id := of("id", `"string"`)
	enum := func(rest string) string { return `{"type":"enum","name":"E",` + rest + `}` }
	for _, c := range []struct {
		name              string
		before, after     string
		backward, forward bool // whether the level lets it pass
	}{
		{"nothing", rowSchema(id), rowSchema(id), true, true},
		{"a nullable field is new", rowSchema(id), rowSchema(id, orNull("n", `"long"`)), true, true},
		{"a field without default is new", rowSchema(id), rowSchema(id, of("n", `"long"`)), false, true},
		{"a nullable field is gone", rowSchema(id, orNull("n", `"long"`)), rowSchema(id), true, true},
		{"a field without default is gone", rowSchema(id, of("n", `"long"`)), rowSchema(id), true, false},
		{"fields change places", rowSchema(id, of("n", `"int"`)), rowSchema(of("n", `"int"`), id), true, true},
		{"int grows to long", rowSchema(of("n", `"int"`)), rowSchema(of("n", `"long"`)), true, false},
		{"int grows to float", rowSchema(of("n", `"int"`)), rowSchema(of("n", `"float"`)), true, false},
		{"int grows to double", rowSchema(of("n", `"int"`)), rowSchema(of("n", `"double"`)), true, false},
		{"long grows to float", rowSchema(of("n", `"long"`)), rowSchema(of("n", `"float"`)), true, false},
		{"long grows to double", rowSchema(of("n", `"long"`)), rowSchema(of("n", `"double"`)), true, false},
		{"float grows to double", rowSchema(of("n", `"float"`)), rowSchema(of("n", `"double"`)), true, false},
		{"string becomes bytes", rowSchema(of("n", `"string"`)), rowSchema(of("n", `"bytes"`)), true, true},
		{"string becomes long", rowSchema(of("n", `"string"`)), rowSchema(of("n", `"long"`)), false, false},
		{"boolean becomes int", rowSchema(of("n", `"boolean"`)), rowSchema(of("n", `"int"`)), false, false},
		{"null is added", rowSchema(of("n", `"long"`)), rowSchema(orNull("n", `"long"`)), true, false},
		{"null is taken away", rowSchema(orNull("n", `"long"`)), rowSchema(of("n", `"long"`)), false, true},
		{"a branch grows", rowSchema(orNull("n", `"int"`)), rowSchema(orNull("n", `"long"`)), true, false},
		{"a branch is added", rowSchema(orNull("n", `"int"`)), rowSchema(of("n", `["null","int","string"]`)), true, false},
		{"branches change places", rowSchema(of("n", `["int","string"]`)), rowSchema(of("n", `["string","int"]`)), true, true},
		{"items change", rowSchema(of("n", `{"type":"array","items":"string"}`)), rowSchema(of("n", `{"type":"array","items":"long"}`)), false, false},
		{"values grow", rowSchema(of("n", `{"type":"map","values":"int"}`)), rowSchema(of("n", `{"type":"map","values":"long"}`)), true, false},
		{"an array becomes a map", rowSchema(of("n", `{"type":"array","items":"int"}`)), rowSchema(of("n", `{"type":"map","values":"int"}`)), false, false},
		{"a symbol is new", rowSchema(of("n", enum(`"symbols":["A"]`))), rowSchema(of("n", enum(`"symbols":["A","B"]`))), true, false},
		{"a symbol is gone", rowSchema(of("n", enum(`"symbols":["A","B"]`))), rowSchema(of("n", enum(`"symbols":["A"]`))), false, true},
		{"a symbol is gone and a default stands in", rowSchema(of("n", enum(`"symbols":["A","B"]`))), rowSchema(of("n", enum(`"symbols":["A"],"default":"A"`))), true, true},
		{"a fixed changes its size", rowSchema(of("n", `{"type":"fixed","name":"F","size":2}`)), rowSchema(of("n", `{"type":"fixed","name":"F","size":3}`)), false, false},
		{"a fixed changes its name", rowSchema(of("n", `{"type":"fixed","name":"F","size":2}`)), rowSchema(of("n", `{"type":"fixed","name":"G","size":2}`)), false, false},
		{"a field is renamed with an alias", rowSchema(of("n", `"int"`)), rowSchema(`{"name":"m","type":"int","aliases":["n"]}`), true, false},
		{"the record is renamed", rowSchema(id), strings.Replace(rowSchema(id), "acme.Row", "acme.Line", 1), false, false},
		{"the record is renamed with an alias", rowSchema(id), strings.Replace(rowSchema(id), `"acme.Row"`, `"Line","namespace":"acme","aliases":["Row"]`, 1), true, false},
		{"the record moves to another namespace", rowSchema(id), strings.Replace(rowSchema(id), "acme.Row", "other.Row", 1), true, true},
		{"a type is named instead of written out", rowSchema(of("n", `{"type":"fixed","name":"F","size":2}`), of("m", `{"type":"fixed","name":"G","size":2}`)),
			rowSchema(of("n", `{"type":"fixed","name":"F","size":2}`), of("m", `"F"`)), false, false},
		{"properties of convstream change", rowSchema(of("n", `"int"`)), rowSchema(`{"name":"n","type":"int","source":"a.b","required":true}`), true, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			for name, want := range map[string]bool{"BACKWARD": c.backward, "FORWARD": c.forward, "FULL": c.backward && c.forward, "NONE": true} {
				if found := compare(t, level(t, name), c.after, c.before); (len(found) == 0) != want {
					t.Errorf("%s passes: %t, want %t: %v", name, !want, want, found)
				}
			}
		})
	}
}

// Avro itself lets these pass: the bytes are read, as another value.
func TestR105_AChangedLogicalTypeIsRefusedAtEveryLevel(t *testing.T) {
	logical := func(on, rest string) string { return `{"type":` + on + `,"logicalType":` + rest + `}` }
	millis := logical(`"long"`, `"timestamp-millis"`)
	for name, c := range map[string]struct {
		before, after string
		same          bool
	}{
		"millis become micros":       {before: millis, after: logical(`"long"`, `"timestamp-micros"`)},
		"a plain number gets one":    {before: `"long"`, after: millis},
		"it is taken away":           {before: millis, after: `"long"`},
		"a day becomes an instant":   {before: logical(`"int"`, `"date"`), after: millis},
		"the scale changes":          {before: logical(`"bytes"`, `"decimal","precision":9,"scale":2`), after: logical(`"bytes"`, `"decimal","precision":9,"scale":3`)},
		"the precision changes":      {before: logical(`"bytes"`, `"decimal","precision":9,"scale":2`), after: logical(`"bytes"`, `"decimal","precision":8,"scale":2`)},
		"a scale of 0 is left out":   {before: logical(`"bytes"`, `"decimal","precision":9,"scale":0`), after: logical(`"bytes"`, `"decimal","precision":9`), same: true},
		"one that nobody knows":      {before: `"long"`, after: logical(`"long"`, `"phase-of-the-moon"`), same: true},
		"one that does not fit":      {before: `"string"`, after: logical(`"string"`, `"date"`), same: true},
		"it is the same":             {before: millis, after: millis, same: true},
		"in a union, it changes":     {before: `["null",` + millis + `]`, after: `["null",` + logical(`"long"`, `"timestamp-micros"`) + `]`},
		"in a map, it changes":       {before: `{"type":"map","values":` + millis + `}`, after: `{"type":"map","values":"long"}`},
		"text becomes a decimal":     {before: `"string"`, after: logical(`"bytes"`, `"decimal","precision":9`)},
		"a fixed becomes a duration": {before: `{"type":"fixed","name":"F","size":12}`, after: `{"type":"fixed","name":"F","size":12,"logicalType":"duration"}`},
	} {
		t.Run(name, func(t *testing.T) {
			for _, l := range []string{"BACKWARD", "FORWARD", "FULL"} {
				found := compare(t, level(t, l), rowSchema(of("n", c.after)), rowSchema(of("n", c.before)))
				if (len(found) == 0) != c.same || len(found) > 1 {
					t.Errorf("%s finds %v", l, found)
				}
			}
		})
	}
}

func TestR105_EveryOffendingFieldIsNamedWithWhatChangedAndTheWayOut(t *testing.T) {
	inner := func(fields ...string) string {
		return `{"type":"array","items":` + strings.Replace(rowSchema(fields...), "acme.Row", "acme.Inner", 1) + `}`
	}
	before := rowSchema(of("a", inner(of("b", `"long"`), of("gone", `"int"`))), of("c", `["null","string"]`), of("d", `{"type":"map","values":"int"}`))
	after := rowSchema(of("a", inner(of("b", `"string"`), of("new", `"int"`))), of("c", `"string"`), of("d", `{"type":"map","values":"string"}`))
	want := map[string][]string{
		"a.b":    {"was long and is string", "another name"},
		"a.new":  {"no default", "version 1", `"default": null`},
		"c":      {"was null | string and is string", "keep the union with null"},
		"d":      {"its values: was int and is string"},
		"a.gone": {"is gone", "version 1", "keep the field"},
	}
	found := compare(t, level(t, "FULL"), after, before)
	if len(found) != len(want) {
		t.Errorf("found %v", found)
	}
	for _, i := range found {
		if i.Version != 1 || want[i.Path] == nil {
			t.Errorf("unexpected: %v", i)
		}
		for _, text := range append(want[i.Path], `"`+i.Path+`"`) {
			if !strings.Contains(i.String(), text) {
				t.Errorf("%q does not say %q", i, text)
			}
		}
	}
}

func TestR105_OnlyATransitiveLevelLooksAtOlderVersions(t *testing.T) {
	first, second := rowSchema(of("n", `"string"`)), rowSchema()
	third := rowSchema(orNull("n", `"long"`))
	if found := compare(t, level(t, "BACKWARD"), third, first, second); len(found) > 0 {
		t.Errorf("BACKWARD finds %v", found)
	}
	for _, name := range []string{"BACKWARD_TRANSITIVE", "FORWARD_TRANSITIVE", "FULL_TRANSITIVE"} {
		found := compare(t, level(t, name), third, first, second)
		if len(found) != 1 || found[0].Version != 1 || found[0].Path != "n" {
			t.Errorf("%s finds %v", name, found)
		}
	}
}

func TestR107_AStableLevelRefusesAFieldThatIsGoneRenamedOrOfAnotherType(t *testing.T) {
	before := rowSchema(of("id", `"string"`), orNull("ani", `"string"`), orNull("n", `"int"`))
	for name, c := range map[string]struct {
		after, path string
	}{
		"gone":    {rowSchema(of("id", `"string"`), orNull("n", `"int"`)), "ani"},
		"renamed": {rowSchema(of("id", `"string"`), `{"name":"caller","type":["null","string"],"default":null,"aliases":["ani"]}`, orNull("n", `"int"`)), "ani"},
		"retyped": {rowSchema(of("id", `"string"`), orNull("ani", `"string"`), orNull("n", `"long"`)), "n"},
		"added":   {rowSchema(of("id", `"string"`), orNull("ani", `"string"`), orNull("n", `"int"`), orNull("more", `"int"`)), ""},
	} {
		t.Run(name, func(t *testing.T) {
			if found := compare(t, level(t, "BACKWARD"), c.after, before); len(found) > 0 {
				t.Fatalf("BACKWARD refuses it too: %v", found)
			}
			found := compare(t, level(t, "BACKWARD").Stable(), c.after, before)
			if c.path == "" && len(found) > 0 || c.path != "" && (len(found) != 1 || found[0].Path != c.path) {
				t.Errorf("found %v; want the field %q", found, c.path)
			}
		})
	}
	if found := compare(t, level(t, "BACKWARD_TRANSITIVE").Stable(), rowSchema(), before, rowSchema()); len(found) == 0 {
		t.Error("a transitive level has forgotten the first version")
	}
	if found := compare(t, level(t, "NONE").Stable(), rowSchema(), before); len(found) > 0 {
		t.Errorf("NONE finds %v", found)
	}
}

func TestRecursiveSchemasAreCompared(t *testing.T) {
	node := func(value string) string {
		return `{"type":"record","name":"Node","fields":[{"name":"v","type":` + value + `},{"name":"next","type":["null","Node"]}]}`
	}
	if found := compare(t, level(t, "FULL"), node(`"int"`), node(`"int"`)); len(found) > 0 {
		t.Errorf("the same: %v", found)
	}
	found := compare(t, level(t, "BACKWARD"), node(`"int"`), node(`"string"`))
	if len(found) == 0 || found[0].Path != "v" {
		t.Errorf("found %v", found)
	}
}

// A schema of few names can stand for very many places.
func TestTypesThatAreUsedAgainAreComparedOnce(t *testing.T) {
	deep := func(leaf string) string {
		types := leaf
		for i := range 60 {
			types = fmt.Sprintf(`{"type":"record","name":"R%d","fields":[{"name":"a","type":["null",%s]},{"name":"b","type":["null",%q]}]}`, i, types, fmt.Sprintf("R%d", i-1))
		}
		return types
	}
	leaf := func(x string) string {
		return `{"type":"record","name":"R-1","fields":[{"name":"x","type":"` + x + `"}]}`
	}
	if found := compare(t, level(t, "FULL"), deep(leaf("int")), deep(leaf("int"))); len(found) > 0 {
		t.Errorf("found %v", found)
	}
	if found := compare(t, level(t, "BACKWARD"), deep(leaf("int")), deep(leaf("string"))); len(found) != mostBreaches {
		t.Errorf("%d incompatibilities are told", len(found))
	}
}

func TestWhatIsNoAvroIsNamedWithItsVersion(t *testing.T) {
	good := rowSchema(of("id", `"string"`))
	for name, c := range map[string]struct {
		candidate, version string
		want               string
	}{
		"the candidate":        {"{", good, "read the schema"},
		"a version":            {good, `{"type":"object"}`, "version 1"},
		"a type from outside":  {good, rowSchema(of("x", `"acme.Elsewhere"`)), `"acme.Elsewhere"`},
		"a field without type": {good, rowSchema(`{"name":"x"}`), `"x"`},
		"an empty text":        {"", good, "read the schema"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := Incompatibilities(level(t, "BACKWARD"), []string{c.version}, c.candidate)
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("got %v; want %q", err, c.want)
			}
		})
	}
	if _, err := ParseLevel("backward"); err == nil || !strings.Contains(err.Error(), "FULL_TRANSITIVE") {
		t.Errorf("an unknown level: %v", err)
	}
}
