package config

import (
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/knadh/koanf/parsers/yaml"
	"github.com/knadh/koanf/providers/rawbytes"
	yamlnode "go.yaml.in/yaml/v3"
)

// loadFile lays the file's values over the defaults. Only a text that is no YAML mapping is
// an error; the rest are problems.
func (l *loader) loadFile(text []byte) error {
	root, err := parseYAML(text)
	if err != nil {
		return fmt.Errorf("%s: %w", l.path, err)
	}
	if root == nil {
		return nil
	}
	l.inspect(root, "")
	if err := l.values.Load(rawbytes.Provider(text), yaml.Parser()); err != nil {
		return fmt.Errorf("%s: %w", l.path, err)
	}
	expanded, failed := map[string]any{}, map[string]error{}
	for key, v := range l.values.All() {
		if expanded[key], err = expand(v, l.env); err != nil {
			failed[key] = err
		}
	}
	if err := l.layer(expanded); err != nil {
		return err
	}
	l.unresolved = failed
	return nil
}

// parseYAML returns the mapping that the text is, nil where the text is empty. Its errors
// quote nothing of the text: whoever names the wrong file may have named a secret one.
func parseYAML(text []byte) (*yamlnode.Node, error) {
	var doc yamlnode.Node
	d := yamlnode.NewDecoder(strings.NewReader(string(text)))
	switch err := d.Decode(&doc); {
	case errors.Is(err, io.EOF):
		return nil, nil
	case err != nil && strings.Contains(err.Error(), "unknown anchor"):
		return nil, errors.New("a value that starts with * is an alias in YAML; put it in quotes")
	case err != nil:
		return nil, err
	}
	if err := d.Decode(new(yamlnode.Node)); !errors.Is(err, io.EOF) {
		return nil, errors.New("holds more than one YAML document; keep one")
	}
	root := doc.Content[0]
	if root.Kind != yamlnode.MappingNode {
		return nil, errors.New("is no configuration: it does not start with a key such as pipeline:")
	}
	return root, nil
}

// inspect notes the line of every key, and the keys that cannot be.
func (l *loader) inspect(section *yamlnode.Node, prefix string) {
	for i := 0; i+1 < len(section.Content); i += 2 {
		name, value := section.Content[i], section.Content[i+1]
		if value.Kind == yamlnode.AliasNode {
			value = value.Alias
		}
		key := prefix + name.Value
		l.origin[key] = fmt.Sprintf("%s:%d", l.path, name.Line)
		entry, ok := known[key]
		switch {
		case !ok || strings.Contains(name.Value, "."):
			l.unknown(key)
		case value.Tag == "!!null":
			l.problem(key, "has no value; give it one or remove the line")
		case !entry.section && value.Kind == yamlnode.MappingNode && entry.list:
			l.problem(key, "is a list; write each entry below it, behind a dash")
		case !entry.section && value.Kind == yamlnode.MappingNode:
			l.problem(key, "is no section; give it a value")
		case !entry.section:
			l.inspectList(value, key)
		case value.Kind != yamlnode.MappingNode:
			l.problem(key, "is a section; write its keys below it")
		default:
			l.inspect(value, key+".")
		}
	}
}

// inspectList notes the lines of a list's entries, and of the members that they have.
func (l *loader) inspectList(list *yamlnode.Node, key string) {
	if list.Kind != yamlnode.SequenceNode {
		return
	}
	for i, entry := range list.Content {
		at := fmt.Sprintf("%s[%d]", key, i)
		if entry.Kind == yamlnode.AliasNode {
			entry = entry.Alias
		}
		l.origin[at] = fmt.Sprintf("%s:%d", l.path, entry.Line)
		for m := 0; entry.Kind == yamlnode.MappingNode && m+1 < len(entry.Content); m += 2 {
			name := entry.Content[m]
			l.origin[at+"."+name.Value] = fmt.Sprintf("%s:%d", l.path, name.Line)
		}
	}
}

func (l *loader) unknown(key string) {
	if _, dotted := known[key]; dotted {
		l.problem(key, "unknown key; write the key nested, not with dots")
	} else if near := known.nearest(key); near != "" {
		l.problem(key, "unknown key; did you mean %s?", near)
	} else {
		l.problem(key, "unknown key; remove it")
	}
}
