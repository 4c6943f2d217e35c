package avro

import (
	"embed"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"sync"

	"github.com/linkedin/goavro/v2"
)

//go:embed contracts/*.avsc
var defaultContracts embed.FS

// Contract says which fields a route publishes, where each comes from, and which rows to
// reject. It is immutable, and safe for concurrent use.
type Contract struct {
	*compiled
	identity []int  // indexes of the root's identity fields, in fingerprint order
	key      []byte // of the hashes of private values; empty for none
	encoders sync.Pool
}

// compiled is what a contract's file says.
type compiled struct {
	schema string
	root   *record
	paths  int  // how many source paths the fields have
	hashes bool // a field is marked "privacy": "hash"
}

// Default returns the contract that convstream brings for a dialect: "reports" or "jobs".
func Default(dialect string) (*Contract, error) {
	switch dialect {
	case "reports", "jobs":
	default:
		return nil, fmt.Errorf("dialect %q has no default contract: this version brings one for reports and one for jobs", dialect)
	}
	return embedded(dialect)
}

// Speech returns the contract of the speech route that convstream brings for a dialect: "reports"
// or "jobs".
func Speech(dialect string) (*Contract, error) {
	switch dialect {
	case "reports", "jobs":
	default:
		return nil, fmt.Errorf("dialect %q has no speech contract: this version brings one for reports and one for jobs", dialect)
	}
	return embedded("speech-" + dialect)
}

func embedded(name string) (*Contract, error) {
	avsc, err := defaultContracts.ReadFile("contracts/" + name + ".avsc")
	if err != nil {
		return nil, fmt.Errorf("read contract %s: %w", name, err)
	}
	return Parse(avsc)
}

// Parse compiles an Avro schema with the properties that the package documentation lists.
// The error joins one for every field that is wrong, which names it by its line and column in
// the file and by the Avro names on the way to it, and says what it should be. The caller adds
// the file's name to each.
func Parse(avsc []byte) (*Contract, error) {
	c, err := compile(avsc)
	if err != nil {
		return nil, err
	}
	// A second reader, as the registry and every consumer will read the schema too.
	if _, err := newCodec(c.schema); err != nil {
		return nil, fmt.Errorf("parse contract: the schema is no valid Avro: %w", err)
	}
	return c, nil
}

// newCodec returns goavro's reading of a schema. Some schemas that are no Avro make it panic. It is
// not shown the defaults of fields, as it refuses some that Avro allows, such as that of a fixed
// decimal or of a value of a union inside a default, and needs none to read.
func newCodec(schema string) (codec *goavro.Codec, err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("goavro cannot read it: %v", r)
		}
	}()
	return goavro.NewCodec(withoutDefaults(schema))
}

// withoutDefaults returns a schema without the defaults of fields.
func withoutDefaults(schema string) string {
	dec := json.NewDecoder(strings.NewReader(schema))
	dec.UseNumber()
	var v any
	if dec.Decode(&v) != nil {
		return schema // others say what is wrong with it
	}
	removeDefaults(v)
	out, err := json.Marshal(v)
	if err != nil {
		return schema
	}
	return string(out)
}

func removeDefaults(schema any) {
	switch schema := schema.(type) {
	case []any:
		for _, inner := range schema {
			removeDefaults(inner)
		}
	case map[string]any:
		fields, _ := schema["fields"].([]any)
		for _, f := range fields {
			if f, ok := f.(map[string]any); ok {
				delete(f, "default")
			}
		}
		for _, inner := range schema {
			removeDefaults(inner)
		}
	}
}

// Schema is the contract as one line of JSON: the text to register.
func (c *Contract) Schema() string { return c.schema }

// Identifies says whether the contract has an identity, by which rows of one conversation and
// one instant are told apart.
func (c *Contract) Identifies() bool { return len(c.identity) > 0 }

// Sources lists the source paths of all values in contract order, without repeats. A record
// stands for its fields: "flow.flowId"; so does an array of records: "participants.purpose".
// An array of anything else, and a map, is one source.
func (c *Contract) Sources() []string { return c.root.appendSources(nil, "") }

func (r *record) appendSources(sources []string, above string) []string {
	for i := range r.fields {
		f := &r.fields[i]
		t := &f.avroType
		for t.kind == typeArray {
			t = t.items
		}
		path := above + f.source
		if t.kind == typeRecord {
			sources = t.record.appendSources(sources, path+".")
		} else if !slices.Contains(sources, path) {
			sources = append(sources, path)
		}
	}
	return sources
}
