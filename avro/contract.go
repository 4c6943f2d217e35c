package avro

import (
	"embed"
	"fmt"
	"slices"
	"sync"

	"github.com/linkedin/goavro/v2"
)

//go:embed contracts/reports.avsc contracts/jobs.avsc
var defaultContracts embed.FS

// Contract says which fields a route publishes, where each comes from, and which rows to
// reject. It is immutable, and safe for concurrent use.
type Contract struct {
	schema   string
	root     *record
	identity []int // indexes of the root's identity fields, in fingerprint order
	encoders sync.Pool
}

// Default returns the contract that convstream brings for a dialect: "reports" or "jobs".
func Default(dialect string) (*Contract, error) {
	switch dialect {
	case "reports", "jobs":
	default:
		return nil, fmt.Errorf("dialect %q has no default contract: this version brings one for reports and one for jobs", dialect)
	}
	avsc, err := defaultContracts.ReadFile("contracts/" + dialect + ".avsc")
	if err != nil {
		return nil, fmt.Errorf("read the default contract of dialect %q: %w", dialect, err)
	}
	return Parse(avsc)
}

// Parse compiles an Avro schema with the properties that the package documentation lists.
// The error names every field that is wrong, by the Avro names on the way to it, and says
// what it should be.
func Parse(avsc []byte) (*Contract, error) {
	c, err := compile(avsc)
	if err != nil {
		return nil, fmt.Errorf("parse contract: %w", err)
	}
	// A second reader, as the registry and every consumer will read the schema too.
	if _, err := goavro.NewCodec(c.schema); err != nil {
		return nil, fmt.Errorf("parse contract: the schema is no valid Avro: %w", err)
	}
	return c, nil
}

// Schema is the contract as one line of JSON: the text to register.
func (c *Contract) Schema() string { return c.schema }

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
