package config

import (
	"maps"
	"reflect"
	"slices"
	"strings"

	"github.com/agnivade/levenshtein"
)

// schema knows every key of a configuration: the path of its field in Config, and whether
// it is a section, which holds keys and no value, or a list.
type schema map[string]schemaEntry

type schemaEntry struct {
	index   []int
	section bool
	list    bool
}

var known = schemaOf(reflect.TypeFor[Config](), "", nil, schema{})

func schemaOf(t reflect.Type, prefix string, index []int, into schema) schema {
	for f := range t.Fields() {
		name, ok := f.Tag.Lookup("key")
		if !ok {
			continue
		}
		ft := f.Type
		if ft.Kind() == reflect.Pointer {
			ft = ft.Elem()
		}
		section := ft.Kind() == reflect.Struct && ft != reflect.TypeFor[Secret]()
		at := append(slices.Clone(index), f.Index...)
		into[prefix+name] = schemaEntry{at, section, ft.Kind() == reflect.Slice}
		if section {
			schemaOf(ft, prefix+name+".", at, into)
		}
	}
	return into
}

// values lists the keys that hold a value, sorted.
func (s schema) values() []string {
	keys := slices.Sorted(maps.Keys(s))
	return slices.DeleteFunc(keys, func(k string) bool { return s[k].section })
}

// field returns the address of a key's field in c. Optional sections on the way to it come
// into being.
func (e schemaEntry) field(c *Config) any {
	v := reflect.ValueOf(c).Elem()
	for _, i := range e.index {
		if v.Kind() == reflect.Pointer {
			v = v.Elem()
		}
		v = v.Field(i)
		if v.Kind() == reflect.Pointer && v.IsNil() {
			v.Set(reflect.New(v.Type().Elem()))
		}
	}
	return v.Addr().Interface()
}

// nearest returns the known key that a stranger was most likely meant to be: the same word
// in another section, or else the one with the fewest letters changed. "" where nothing is
// near.
func (s schema) nearest(stranger string) string {
	best, bound := "", 1+len(stranger)/4
	for _, k := range slices.Sorted(maps.Keys(s)) {
		d := levenshtein.ComputeDistance(stranger, k)
		if lastWord(stranger) == lastWord(k) {
			d = 0
		}
		if d < bound || best == "" && d == bound {
			best, bound = k, d
		}
	}
	return best
}

func lastWord(key string) string { return key[strings.LastIndexByte(key, '.')+1:] }
