package e2e

import (
	"crypto/rand"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/twmb/franz-go/pkg/sr"

	"convstream/avro"
)

// follows says which consumers can read on: those of the new schema what was written by the old one, and the other way about.
type follows struct{ backward, forward bool }

// at is whether a change that leaves so many consumers passes a level.
func (f follows) at(level string) bool {
	switch strings.TrimSuffix(level, "_TRANSITIVE") {
	case "BACKWARD":
		return f.backward
	case "FORWARD":
		return f.forward
	case "FULL":
		return f.backward && f.forward
	}
	return true
}

// schemaChange is a change of a schema, with what the Avro specification says of it under "Schema Resolution".
type schemaChange struct {
	page   string // first column of the row of docs/schema-changes.md that it belongs to, if any
	name   string
	before []string // oldest first
	after  string
	newest follows  // against the newest version before it
	all    *follows // against all of them; nil: as against the newest

	ours   string // why convstream refuses what the specification lets pass
	theirs string // why the registry judges otherwise than the specification
	they   follows
}

// by is the verdict of the specification at a level.
func (c schemaChange) by(level string) bool {
	if c.all != nil && strings.HasSuffix(level, "_TRANSITIVE") {
		return c.all.at(level)
	}
	return c.newest.at(level)
}

var (
	both      = follows{true, true}
	newReads  = follows{backward: true}
	oldReads  = follows{forward: true}
	noneReads = follows{}
)

func record(fields ...string) string {
	return `{"type":"record","name":"acme.Row","fields":[` + strings.Join(fields, ",") + `]}`
}

func field(name, avroType string) string { return fmt.Sprintf(`{"name":%q,"type":%s}`, name, avroType) }

func nullable(name, avroType string) string {
	return fmt.Sprintf(`{"name":%q,"type":["null",%s],"default":null}`, name, avroType)
}

// of is a record with one field n.
func of(avroType string) string { return record(field("n", avroType)) }

func logical(on, name string) string {
	return fmt.Sprintf(`{"type":%q,"logicalType":%q}`, on, name)
}

const (
	id         = `{"name":"id","type":"string"}`
	anotherOne = "Avro ignores logical types when it resolves: the number is read without an error, and as another value"
	noLogical  = "decimals match by the specification if their scales and precisions do, but Avro's Java, by which Apicurio judges, compares the bytes below"
)

func decimalOf(precision, scale int) string {
	return fmt.Sprintf(`{"type":"bytes","logicalType":"decimal","precision":%d,"scale":%d}`, precision, scale)
}

func enumOf(rest string) string { return `{"type":"enum","name":"Media","symbols":` + rest + `}` }

var schemaChanges = []schemaChange{
	{page: "field added that may be null, default null", before: []string{record(id)}, after: record(id, nullable("n", `"long"`)), newest: both},
	{page: "field added that is required", before: []string{record(id)}, after: record(id, field("n", `"long"`)), newest: oldReads},
	{page: "field removed", name: "without a default", before: []string{record(id, field("n", `"long"`))}, after: record(id), newest: newReads},
	{page: "field removed", name: "with a default", before: []string{record(id, nullable("n", `"long"`))}, after: record(id), newest: both},
	{page: "field renamed", name: "without a default", before: []string{record(id, field("n", `"long"`))}, after: record(id, field("m", `"long"`)), newest: noneReads},
	{page: "field renamed", name: "with a default", before: []string{record(id, nullable("n", `"long"`))}, after: record(id, nullable("m", `"long"`)), newest: both},
	{page: "int to long, long to double", name: "int to long", before: []string{of(`"int"`)}, after: of(`"long"`), newest: newReads},
	{page: "int to long, long to double", name: "long to double", before: []string{of(`"long"`)}, after: of(`"double"`), newest: newReads},
	{page: "string to long, or back", name: "string to long", before: []string{of(`"string"`)}, after: of(`"long"`), newest: noneReads},
	{page: "string to long, or back", name: "long to string", before: []string{of(`"long"`)}, after: of(`"string"`), newest: noneReads},
	{page: "null allowed where it was not", before: []string{of(`"long"`)}, after: of(`["null","long"]`), newest: newReads},
	{page: "null no longer allowed", before: []string{of(`["null","long"]`)}, after: of(`"long"`), newest: oldReads},
	{page: "symbol added to an enum", name: "without a default", before: []string{of(enumOf(`["voice"]`))}, after: of(enumOf(`["voice","chat"]`)), newest: newReads},
	{page: "symbol added to an enum", name: "with a default", before: []string{of(enumOf(`["voice"],"default":"voice"`))}, after: of(enumOf(`["voice","chat"],"default":"voice"`)), newest: both},
	{page: "other logical type, scale or precision", name: "another logical type", before: []string{of(logical("long", "timestamp-millis"))},
		after: of(logical("long", "timestamp-micros")), newest: both, ours: anotherOne},
	{page: "other logical type, scale or precision", name: "a logical type is taken away", before: []string{of(logical("long", "timestamp-millis"))},
		after: of(`"long"`), newest: both, ours: anotherOne},
	{page: "other logical type, scale or precision", name: "another scale", before: []string{of(decimalOf(9, 2))}, after: of(decimalOf(9, 3)),
		newest: noneReads, theirs: noLogical, they: both},
	{page: "other logical type, scale or precision", name: "another precision", before: []string{of(decimalOf(9, 2))}, after: of(decimalOf(8, 2)),
		newest: noneReads, theirs: noLogical, they: both},

	{name: "nothing", before: []string{record(id)}, after: record(id), newest: both},
	{name: "a property of convstream's", before: []string{record(id)}, after: record(`{"name":"id","type":"string","source":"interaction.id"}`), newest: both},
	{name: "a nullable field without a default", before: []string{record(id)}, after: record(id, field("n", `["null","long"]`)), newest: oldReads},
	{name: "fields change places", before: []string{record(id, field("n", `"long"`))}, after: record(field("n", `"long"`), id), newest: both},
	{name: "a field is renamed with an alias", before: []string{of(`"long"`)}, after: record(`{"name":"m","type":"long","aliases":["n"]}`), newest: newReads},
	{name: "the record is renamed", before: []string{record(id)}, after: strings.Replace(record(id), "acme.Row", "acme.Line", 1), newest: noneReads},
	{name: "the record moves to another namespace", before: []string{record(id)}, after: strings.Replace(record(id), "acme.Row", "other.Row", 1), newest: both},
	{name: "int to double", before: []string{of(`"int"`)}, after: of(`"double"`), newest: newReads},
	{name: "long to float", before: []string{of(`"long"`)}, after: of(`"float"`), newest: newReads},
	{name: "string to bytes", before: []string{of(`"string"`)}, after: of(`"bytes"`), newest: both},
	{name: "boolean to int", before: []string{of(`"boolean"`)}, after: of(`"int"`), newest: noneReads},
	{name: "a branch is added", before: []string{of(`["null","long"]`)}, after: of(`["null","long","string"]`), newest: newReads},
	{name: "a branch grows", before: []string{of(`["null","int"]`)}, after: of(`["null","long"]`), newest: newReads},
	{name: "branches change places", before: []string{of(`["long","string"]`)}, after: of(`["string","long"]`), newest: both},
	{name: "items of an array grow", before: []string{of(`{"type":"array","items":"int"}`)}, after: of(`{"type":"array","items":"long"}`), newest: newReads},
	{name: "values of a map change", before: []string{of(`{"type":"map","values":"long"}`)}, after: of(`{"type":"map","values":"string"}`), newest: noneReads},
	{name: "a field within an array is added", before: []string{of(`{"type":"array","items":{"type":"record","name":"Leg","fields":[` + id + `]}}`)},
		after: of(`{"type":"array","items":{"type":"record","name":"Leg","fields":[` + id + `,` + field("n", `"long"`) + `]}}`), newest: oldReads},
	{name: "a symbol is gone", before: []string{of(enumOf(`["voice","chat"]`))}, after: of(enumOf(`["voice"]`)), newest: oldReads},
	{name: "a symbol is gone and a default stands in", before: []string{of(enumOf(`["voice","chat"]`))}, after: of(enumOf(`["voice"],"default":"voice"`)), newest: both},
	{name: "an enum is renamed", before: []string{of(enumOf(`["voice"]`))}, after: of(strings.Replace(enumOf(`["voice"]`), "Media", "Channel", 1)), newest: noneReads},
	{name: "a fixed changes its size", before: []string{of(`{"type":"fixed","name":"F","size":2}`)}, after: of(`{"type":"fixed","name":"F","size":3}`), newest: noneReads},
	{name: "a record that holds itself", before: []string{record(id, nullable("next", `"acme.Row"`))},
		after: record(id, nullable("next", `"acme.Row"`), field("n", `"long"`)), newest: oldReads},

	{name: "a field comes back with another type", before: []string{record(id, nullable("n", `"string"`)), record(id)},
		after: record(id, nullable("n", `"long"`)), newest: both, all: &noneReads},
	{name: "a default is lost in two steps", before: []string{record(id), record(id, `{"name":"n","type":"long","default":0}`)},
		after: record(id, field("n", `"long"`)), newest: both, all: &oldReads},
	{name: "a field goes in two steps", before: []string{record(id, field("n", `"long"`)), record(id, `{"name":"n","type":"long","default":0}`)},
		after: record(id), newest: both, all: &newReads},
}

// Both judge each change at each level. Where one of them departs from the specification the reason stands beside the change.
func TestRealTheRegistryAndTheProgramJudgeChangesAlikeAtEachLevel(t *testing.T) {
	env := withRegistry(t)
	registry, err := sr.NewClient(sr.URLs(env.RegistryURL))
	if err != nil {
		t.Fatal(err)
	}
	run := "levels-" + strings.ToLower(rand.Text()[:10])
	for i, c := range schemaChanges {
		t.Run(strings.Trim(c.page+": "+c.name, ": "), func(t *testing.T) {
			for _, level := range []string{"BACKWARD", "BACKWARD_TRANSITIVE", "FORWARD", "FORWARD_TRANSITIVE", "FULL", "FULL_TRANSITIVE", "NONE"} {
				parsed, err := avro.ParseLevel(level)
				if err != nil {
					t.Fatal(err)
				}
				found, err := avro.Incompatibilities(parsed, c.before, c.after)
				if err != nil {
					t.Fatal(err)
				}
				if want := c.by(level) && (c.ours == "" || level == "NONE"); (len(found) == 0) != want {
					t.Errorf("convstream lets it pass at %s: %t, want %t: %v", level, !want, want, found)
				}
				want := c.by(level)
				if c.theirs != "" {
					want = c.they.at(level)
				}
				if err := registers(t, registry, fmt.Sprintf("%s-%d-%s", run, i, level), level, c); (err == nil) != want {
					t.Errorf("the registry lets it pass at %s: %t, want %t: %v", level, !want, want, err)
				}
			}
		})
	}
}

// registers puts the versions before the change into a new subject, where each may follow the other at every level, and
// returns what the registry says of the change at the given one.
func registers(t *testing.T, registry *sr.Client, subject, level string, c schemaChange) error {
	t.Helper()
	for _, schema := range c.before {
		if _, err := registry.RegisterSchema(t.Context(), subject, sr.Schema{Schema: schema}, -1, -1); err != nil {
			t.Fatal(err)
		}
	}
	var own sr.CompatibilityLevel
	if err := own.UnmarshalText([]byte(level)); err != nil {
		t.Fatal(err)
	}
	holdTo(t, registry, subject, own)
	_, err := registry.RegisterSchema(t.Context(), subject, sr.Schema{Schema: c.after}, -1, -1)
	return err
}

// holdTo sets the level that the registry itself holds a subject to.
func holdTo(t *testing.T, registry *sr.Client, subject string, level sr.CompatibilityLevel) {
	t.Helper()
	for _, r := range registry.SetCompatibility(t.Context(), sr.SetCompatibility{Level: level}, subject) {
		if r.Err != nil {
			t.Fatal(r.Err)
		}
	}
}

// The table of the page says of each kind of change what the program does at BACKWARD and at FORWARD.
func TestTheTableOfThePageOnSchemaChangesIsWhatIsFound(t *testing.T) {
	text, err := os.ReadFile(filepath.Join("..", "..", "docs", "schema-changes.md"))
	if err != nil {
		t.Fatal(err)
	}
	rows := regexp.MustCompile(`(?m)^\| ([^|]+) \| ((?:yes|no|if|as)[^|]*) \| ((?:yes|no|if|as)[^|]*) \|`).FindAllStringSubmatch(string(text), -1)
	if len(rows) < 10 {
		t.Fatalf("the page has %d changes", len(rows))
	}
	told := map[string]bool{}
	for _, row := range rows {
		page, backward, forward := row[1], row[2], row[3]
		told[page] = true
		var changes []schemaChange
		for _, c := range schemaChanges {
			if c.page == page {
				changes = append(changes, c)
			}
		}
		if len(changes) == 0 {
			t.Errorf("nothing tests %q", page)
		}
		for _, c := range changes {
			for level, says := range map[string]string{"BACKWARD": backward, "FORWARD": forward} {
				want := says == "yes" || strings.HasPrefix(says, "if") && c.name == "with a default"
				if strings.HasPrefix(says, "as ") { // as removed and added
					want = c.name == "with a default"
				}
				if passes := c.by(level) && c.ours == ""; passes != want {
					t.Errorf("%s %s passes %s: %t, and the page says %q", page, c.name, level, passes, says)
				}
			}
		}
	}
	for _, c := range schemaChanges {
		if c.page != "" && !told[c.page] {
			t.Errorf("the page has no row %q", c.page)
		}
	}
}
