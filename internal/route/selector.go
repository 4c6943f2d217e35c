package route

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"
	"unicode"

	"github.com/expr-lang/expr"
	"github.com/expr-lang/expr/file"
	"github.com/expr-lang/expr/vm"

	"convstream/internal/conv"
)

// Speech is the filter of the route that convstream brings: rows that have a voice part.
func Speech(dialect string) string {
	if dialect == "jobs" {
		return `any(participants, any(.sessions, .mediaType == "voice"))`
	}
	return `interaction.type == "voice"`
}

// Selector is a route's filter and key, compiled. It is safe for concurrent use, and the same
// row has the same verdict every time.
type Selector struct {
	filter, key *program // nil: all rows; the conversation id
	fields      []string
	reads       []Read
	compared    []Comparison
	straight    []string
	needs       []string // paths without a value at which the key is nil
}

// Compile reads the expressions of a route. An empty filter lets every row through, and an
// empty key is the conversation id. The filter has to yield true or false, the key a string or
// a number. The error quotes the expression, names the place in it, and says what it should be.
func Compile(filter, key string) (*Selector, error) {
	s := &Selector{}
	var filterErr, keyErr error
	if filter != "" {
		s.filter, filterErr = s.compile("filter", filter, checkFilter)
	}
	if key != "" {
		s.key, keyErr = s.compile("key", key, checkKey)
	}
	switch {
	case filterErr != nil && keyErr != nil:
		return nil, fmt.Errorf("%w; and %w", filterErr, keyErr) // on one line, as the caller names the route before it
	case filterErr != nil || keyErr != nil:
		return nil, cmp.Or(filterErr, keyErr)
	}
	s.fields = outermost(s.fields)
	return s, nil
}

// Fields lists the source paths that the expressions read, sorted, without repeats. Elements of
// arrays have the array's path: participants.purpose.
func (s *Selector) Fields() []string { return slices.Clone(s.fields) }

// Reads lists what the expressions read of a row, in their order: all that their outcome depends
// on stands at one of the paths, or below one that is read whole.
func (s *Selector) Reads() []Read { return slices.Clone(s.reads) }

// Comparisons lists the fields that the expressions compare with texts which hold no number.
func (s *Selector) Comparisons() []Comparison { return slices.Clone(s.compared) }

// Straight lists the paths, and those on the way to them, of which the expressions name each step
// from the row on. Where an array stands on the way, there is nothing behind it: its elements are
// named by their numbers, or in predicates.
func (s *Selector) Straight() []string { return slices.Clone(s.straight) }

// KeyNeeds says that a row has no key unless it has a value at the path, which is one of
// [Selector.Reads].
func (s *Selector) KeyNeeds(path string) bool { return slices.Contains(s.needs, path) }

// Select says whether the row is one of the route's. An error means that the filter cannot be
// computed for this row; it holds no values.
func (s *Selector) Select(row *conv.Row) (bool, error) {
	if s.filter == nil {
		return true, nil
	}
	v, err := s.filter.run(row)
	if err != nil {
		return false, err
	}
	keep, err := truth(v)
	if err != nil {
		return false, fmt.Errorf("filter: %w", err)
	}
	return keep, nil
}

// Key appends the row's record key: the string as it is, a number in plain notation. An error
// means that the row has none; it holds no values.
func (s *Selector) Key(dst []byte, row *conv.Row) ([]byte, error) {
	if s.key == nil {
		if len(row.ConversationID) == 0 {
			return dst, errors.New("key: the row has no conversation id")
		}
		return append(dst, row.ConversationID...), nil
	}
	v, err := s.key.run(row)
	if err != nil {
		return dst, err
	}
	start := len(dst)
	switch v.(type) {
	case string, int, int64, float64:
		if dst, err = appendText(dst, v); err != nil {
			return dst[:start], fmt.Errorf("key: %w", err)
		}
	default:
		return dst, fmt.Errorf("key: it is %s in this row; it has to be a string or a number", typeName(v))
	}
	if len(dst) == start {
		return dst, errors.New("key: it is an empty string in this row")
	}
	return dst, nil
}

// program is one expression.
type program struct {
	name     string
	text     string // as it was written
	compiled *vm.Program
}

func (p *program) run(row *conv.Row) (any, error) {
	if len(row.Tokens) == 0 || row.Tokens[0].Kind != conv.Object {
		return nil, fmt.Errorf("%s: the row is no object, or too large to be read", p.name)
	}
	machine := vm.VM{MemoryBudget: memoryBudget} // one that is used again would hold on to the row
	v, err := machine.Run(p.compiled, object{in: &evaluation{row: row, left: maxSteps}})
	if err != nil {
		return nil, fmt.Errorf("%s: %w", p.name, placed(p.name, p.text, withoutValues(err)))
	}
	return v, nil
}

// withoutValues lets only texts of this package through: what the library says of a row may
// name what stands in it.
func withoutValues(err error) error {
	var at *file.Error
	if !errors.As(err, &at) {
		return refuse("it cannot be computed for this row")
	}
	var own refusal
	switch {
	case errors.As(err, &own):
		at.Message = own.Error()
	case at.Message == "memory budget exceeded":
		at.Message = errTooLong.Error()
	default:
		at.Message = "it cannot be computed for this row"
	}
	return at
}

// placed puts an error of the library on one line, as it has to fit a log and a header, and
// says where in the expression it is.
func placed(name, text string, err error) error {
	var at *file.Error
	if !errors.As(err, &at) {
		return err
	}
	if !strings.Contains(strings.TrimSpace(text), "\n") {
		return fmt.Errorf("%s, in the %s, column %d", at.Message, name, at.Column+1)
	}
	return fmt.Errorf("%s, in the %s, line %d, column %d", at.Message, name, at.Line, at.Column+1)
}

// misspelt is the error of an expression that cannot be compiled. It quotes the expression, as
// a configuration may have many.
func misspelt(name, text string, err error) error {
	out := hint(text, err)
	if err = placed(name, text, err); out != "" {
		err = fmt.Errorf("%w; %s", err, out)
	}
	return fmt.Errorf("%s '%s': %w", name, Excerpt(text), err)
}

// Excerpt is the start of an expression, on one line.
func Excerpt(text string) string {
	const longest = 200
	runes := []rune(strings.Join(strings.Fields(text), " "))
	if len(runes) > longest {
		runes = append(runes[:longest], '…')
	}
	return strings.Map(func(r rune) rune {
		if !unicode.IsPrint(r) {
			return unicode.ReplacementChar
		}
		return r
	}, string(runes))
}

// options are what both passes of the compiler know.
func options() []expr.Option {
	all := []expr.Option{expr.MaxNodes(maxNodes)}
	for _, f := range functions {
		all = append(all, f.options()...)
	}
	return all
}
