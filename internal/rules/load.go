package rules

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/url"
	"os"
	"strconv"
	"strings"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"golang.org/x/text/language"
	"golang.org/x/text/message"
)

// root is what references inside the schema start from, where it has no $id.
const root = "rules:///schema"

// Load reads a JSON Schema from a file; one that names no $schema is of draft 2020-12. Formats
// are held against values. References lead into the file itself, or to the drafts: nothing
// else is read. They must not go in a circle. The error begins with the file's name, and says line and place where one is
// to blame.
func Load(file string) (*Rules, error) {
	text, err := os.ReadFile(file)
	if err != nil {
		return nil, fmt.Errorf("read JSON Schema: %w", err) // it names the file
	}
	r, err := parse(text)
	if err != nil {
		return nil, fmt.Errorf("%s:%w", file, err)
	}
	return r, nil
}

// parse compiles a schema. The error begins with the line.
func parse(text []byte) (*Rules, error) {
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(text))
	if err != nil {
		return nil, syntaxError(text, err)
	}
	if at, limit := beyondLimits(doc); limit != "" {
		return nil, misplaced(text, at, fmt.Errorf("it is beyond a limit; use %s", limit))
	}
	compiler := jsonschema.NewCompiler()
	compiler.DefaultDraft(jsonschema.Draft2020)
	compiler.AssertFormat()
	compiler.UseLoader(elsewhere{})
	if err := compiler.AddResource(root, doc); err != nil {
		return nil, misplaced(text, nil, err)
	}
	schema, err := compiler.Compile(root)
	if err != nil {
		return nil, compileError(text, err)
	}
	if circle := circleIn(schema); circle != nil {
		return nil, misplaced(text, steps(circle.Location), errors.New("references lead from here back to here for one and the same value, so that no row could ever be checked; leave one of them out"))
	}
	return &Rules{schema: schema}, nil
}

// elsewhere refuses what a schema refers to outside its file.
type elsewhere struct{}

func (elsewhere) Load(url string) (any, error) {
	return nil, fmt.Errorf("it refers to %s, and only references inside the file are followed; "+
		`move what is meant there into "$defs" of the file, and refer to it as "#/$defs/…"`, strings.TrimPrefix(url, "rules:///"))
}

// syntaxError says where a text is no JSON.
func syntaxError(text []byte, err error) error {
	at := len(text)
	if syntax, ok := errors.AsType[*json.SyntaxError](err); ok {
		at = int(syntax.Offset)
	} else if !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) {
		at = 0
	}
	return fmt.Errorf("%d: it is no JSON: %w", lineAt(text, at), err)
}

// compileError says which place of a schema is wrong.
func compileError(text []byte, err error) error {
	if outside, ok := errors.AsType[*jsonschema.LoadURLError](err); ok {
		return misplaced(text, nil, outside.Err)
	}
	broken, ok := errors.AsType[*jsonschema.SchemaValidationError](err)
	if !ok {
		return misplaced(text, nil, err)
	}
	invalid, ok := broken.Err.(*jsonschema.ValidationError)
	if !ok {
		return misplaced(text, nil, broken.Err)
	}
	deepest := deepestOf(invalid)
	reason := deepest.ErrorKind.LocalizedString(message.NewPrinter(language.English))
	return misplaced(text, deepest.InstanceLocation, errors.New(reason))
}

// deepestOf finds the reason that lies deepest in the schema, of which those around it are
// consequences; of several such, the first.
func deepestOf(e *jsonschema.ValidationError) *jsonschema.ValidationError {
	deepest := e
	for i, cause := range e.Causes {
		inner := deepestOf(cause)
		depth := cmp.Compare(len(inner.InstanceLocation), len(deepest.InstanceLocation))
		if i == 0 || depth > 0 || depth == 0 && before(inner, deepest) {
			deepest = inner
		}
	}
	return deepest
}

// steps are the way to a place of the schema itself, none to that of another.
func steps(location string) []string {
	pointer, ok := strings.CutPrefix(location, root+"#/")
	if !ok {
		return nil
	}
	at := strings.Split(pointer, "/")
	for i, step := range at {
		if plain, err := url.PathUnescape(step); err == nil {
			step = plain
		}
		at[i] = strings.NewReplacer("~1", "/", "~0", "~").Replace(step)
	}
	return at
}

// misplaced is an error about the value at a place of the schema.
func misplaced(text []byte, at []string, err error) error {
	var pointer strings.Builder
	for _, step := range at {
		pointer.WriteString("/" + strings.NewReplacer("~", "~0", "/", "~1").Replace(step))
	}
	return fmt.Errorf("%d: #%s: %w", lineAt(text, offset(text, at)), pointer.String(), err)
}

// lineAt is the number of the line that holds the byte at an offset.
func lineAt(text []byte, offset int) int {
	return 1 + bytes.Count(text[:min(offset, len(text))], []byte{'\n'})
}

// offset finds the key, or the element of an array, at a place of a JSON text, or what is left
// of the way to it.
func offset(text []byte, at []string) int {
	d := json.NewDecoder(bytes.NewReader(text))
	reached := 0
	for _, step := range at {
		token, err := d.Token()
		if err != nil {
			break
		}
		if !enter(d, token, step) {
			break
		}
		reached = int(d.InputOffset())
		reached += len(text[reached:]) - len(bytes.TrimLeft(text[reached:], ", \t\r\n"))
	}
	return reached
}

// enter moves behind the key of an object, or to the element of an array, that a step names.
func enter(d *json.Decoder, open json.Token, step string) bool {
	index, err := strconv.Atoi(step)
	switch {
	case open == json.Delim('['):
		for i := 0; err == nil && i < index && d.More(); i++ {
			if skip(d) != nil {
				return false
			}
		}
		return err == nil && d.More()
	case open != json.Delim('{'):
		return false
	}
	for d.More() {
		key, err := d.Token()
		if err != nil || key == step {
			return err == nil
		}
		if skip(d) != nil {
			return false
		}
	}
	return false
}

func skip(d *json.Decoder) error {
	var ignored json.RawMessage
	return d.Decode(&ignored)
}
