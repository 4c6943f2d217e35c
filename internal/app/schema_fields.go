package app

import (
	"context"
	"fmt"
	"slices"

	"github.com/tailscale/hujson"
	"github.com/twmb/franz-go/pkg/sr"
)

// schemaField is a field of a schema.
type schemaField struct {
	path   string // names, with dots
	source string // where a row has it, within its record's object
}

// fieldChanges says which fields come, go, or are read from elsewhere, against the newest version
// of the subject: a rename keeps most levels, and consumers lose a field by it all the same. Of an
// incompatible contract it says nothing, as the verdict names the fields that offend. The registry has
// just answered; should it not do so once more, nothing is said.
func fieldChanges(ctx context.Context, registry *sr.Client, r routeContract, v schemaVerdict) []string {
	changes := []string{}
	if !v.Compatible {
		return changes
	}
	newest, err := registry.SchemaByVersion(ctx, r.subject, -1)
	if err != nil || newest.Version == v.Version {
		return changes
	}
	return append(changes, changedFields(newest.Schema.Schema, r.contract.Schema())...)
}

// changedFields compares the fields of two schemas.
func changedFields(before, after string) (changes []string) {
	old, present := fieldsOf(before), fieldsOf(after)
	at := func(fields []schemaField, path string) int {
		return slices.IndexFunc(fields, func(f schemaField) bool { return f.path == path })
	}
	for _, f := range old {
		switch i := at(present, f.path); {
		case i < 0:
			changes = append(changes, fmt.Sprintf("field %q goes: new rows have it no more", f.path))
		case present[i].source != f.source:
			changes = append(changes, fmt.Sprintf("field %q is read from %q, and was from %q", f.path, present[i].source, f.source))
		}
	}
	for _, f := range present {
		if at(old, f.path) < 0 {
			changes = append(changes, fmt.Sprintf("field %q comes, read from %q", f.path, f.source))
		}
	}
	return changes
}

// fieldsOf lists the fields of a schema, those of its records behind the field that they stand in.
// It is empty where the text is no schema of a record.
func fieldsOf(schema string) []schemaField {
	file, err := hujson.Parse([]byte(schema))
	if err != nil {
		return nil
	}
	edit := newContractEdit(&file)
	return edit.listFields(nil, edit.root, "", nil)
}

// listFields appends the fields of a record, unless it stands within itself.
func (c *contractEdit) listFields(list []schemaField, record *hujson.Object, prefix string, around []*hujson.Object) []schemaField {
	fields, _ := value(member(record, "fields")).(*hujson.Array)
	if fields == nil || slices.Contains(around, record) {
		return list
	}
	for i := range fields.Elements {
		field, _ := fields.Elements[i].Value.(*hujson.Object)
		path := prefix + literal(member(field, "name"))
		list = append(list, schemaField{path, sourceOf(field)})
		if inner := c.recordOf(member(field, "type")); inner != nil {
			list = c.listFields(list, inner, path+".", append(around, record))
		}
	}
	return list
}
