package avro

import (
	"strings"
	"testing"
)

func TestWhatStandsBesideAFieldOrATypeIsAvroToo(t *testing.T) {
	field := func(more string) []byte {
		return schemaOf(`{"name":"f","type":["null","string"],"source":"a","default":null,` + more + `}`)
	}
	enum := func(more string) []byte {
		return schemaOf(`{"name":"f","type":["null",{"type":"enum","name":"E","symbols":["X"],` + more + `}],"source":"a","default":null}`)
	}
	for _, c := range []struct {
		avsc []byte
		want string // of the error, "" where there is none
	}{
		{field(`"order":"igntre"`), `"order" is "igntre"; use "ascending"`},
		{field(`"order":7`), `"order" is 7; use "ascending"`},
		{field(`"doc":7`), `"doc" is 7; give a string`},
		{field(`"aliases":"g"`), `"aliases" is "g"; give a list of names`},
		{field(`"aliases":["g h"]`), `the alias "g h" is no name`},
		{field(`"aliases":["a.g"]`), `the alias "a.g" is no name`},
		{field(`"aliases":[7]`), `the alias 7 is no name`},
		{enum(`"aliases":["a b"]`), `the alias "a b" is no name`},
		{enum(`"doc":[]`), `"doc" is []; give a string`},
		{field(`"order":"ignore","doc":"d","aliases":["g"]`), ""},
		{enum(`"doc":"d","aliases":["a.G","H"]`), ""},
	} {
		parsed, err := Parse(c.avsc)
		switch {
		case c.want == "" && err != nil:
			t.Errorf("%s: %v", c.avsc, err)
		case c.want == "":
			readByOthers(t, parsed)
		case err == nil || !strings.Contains(err.Error(), c.want):
			t.Errorf("%s: error %v, want one with %q", c.avsc, err, c.want)
		}
	}
}
