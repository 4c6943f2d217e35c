package route

import (
	"reflect"
	"strings"
	"unicode/utf8"

	"github.com/expr-lang/expr"
)

// function is one that a compiled expression calls.
type function struct {
	name      string
	call      func(e *evaluation, args ...any) (any, error)
	signature any // a pointer to a func: what args are, and the result
}

// public says whether an expression can spell the function.
func (f *function) public() bool { return !strings.Contains(f.name, " ") }

// compiledName is the name that a call has once it is rewritten.
func (f *function) compiledName() string {
	if f.public() {
		return f.name + " of"
	}
	return f.name
}

// options make the function known: as it is written, where it can be, to check expressions
// only, and as it is compiled, with the whole row before its other arguments.
func (f *function) options() []expr.Option {
	written := reflect.TypeOf(f.signature).Elem()
	in, out := []reflect.Type{reflect.TypeFor[any]()}, []reflect.Type{written.Out(0)}
	for i := range written.NumIn() {
		in = append(in, written.In(i))
	}
	run := func(args ...any) (any, error) {
		e := args[0].(object).in
		e.spend(1)
		v, err := f.call(e, args[1:]...)
		if e.over() {
			return nil, errTooLong
		}
		return v, err
	}
	all := []expr.Option{expr.Function(f.compiledName(), run, reflect.Zero(reflect.FuncOf(in, out, false)).Interface())}
	if f.public() {
		all = append(all, expr.Function(f.name, run, f.signature))
	}
	return all
}

var functions = []function{
	{"len", length, new(func(any) int)},
	{"lower", onText(strings.ToLower), new(func(any) string)},
	{"upper", onText(strings.ToUpper), new(func(any) string)},
	{"trim", onText(strings.TrimSpace), new(func(any) string)},
	{"number", toNumber, new(func(any) any)},
	{"string", toText, new(func(any) string)},

	{fnField, func(_ *evaluation, args ...any) (any, error) { return field(args[0], args[1].(string)), nil }, new(func(any, string) any)},
	{fnElement, element, new(func(any, any) any)},
	{fnList, toList, new(func(any) []any)},
	{fnTruth, func(_ *evaluation, args ...any) (any, error) { return truth(args[0]) }, new(func(any) bool)},
	{fnText, toText, new(func(any) string)},
	{fnSubject, toSubject, new(func(any) string)},
	{fnEqual, func(e *evaluation, args ...any) (any, error) { return e.equal(args[0], args[1]), nil }, new(func(any, any) bool)},
	{fnIn, isIn, new(func(any, any) bool)},
	{fnNegate, negate, new(func(any) any)},

	ordering("<", func(c int) bool { return c < 0 }),
	ordering("<=", func(c int) bool { return c <= 0 }),
	ordering(">", func(c int) bool { return c > 0 }),
	ordering(">=", func(c int) bool { return c >= 0 }),
	calculation("+", plus),
	calculation("-", minus),
	calculation("*", times),
	calculation("/", divided),
	calculation("%", arithmetic{}),
}

func functionOf(name string) *function {
	for i := range functions {
		if functions[i].name == name {
			return &functions[i]
		}
	}
	return nil
}

func ordering(operator string, holds func(int) bool) function {
	return function{computed[operator], func(e *evaluation, args ...any) (any, error) {
		a, b := args[0], args[1]
		if a == nil || b == nil {
			return false, nil
		}
		_, truths := a.(bool)
		c, ok := e.compare(a, b)
		if !ok || truths {
			return nil, refuse("%s has no meaning between %s and %s", operator, typeName(a), typeName(b))
		}
		return holds(c), nil
	}, new(func(any, any) bool)}
}

// calculation takes numbers in all their spellings. Strings on both sides of + are joined.
func calculation(operator string, o arithmetic) function {
	return function{computed[operator], func(e *evaluation, args ...any) (any, error) {
		a, b := args[0], args[1]
		if a == nil || b == nil {
			return nil, nil
		}
		if s, t, texts := bothText(a, b); texts && operator == "+" {
			e.spendText(len(s) + len(t))
			return s + t, nil
		}
		x, ok := e.operand(a)
		y, also := e.operand(b)
		switch {
		case !ok || !also:
			return nil, refuse("%s has no meaning between %s and %s; number() and string() convert", operator, typeName(a), typeName(b))
		case (operator == "/" || operator == "%") && float(y) == 0:
			return nil, refuse(divisionByZero)
		case operator == "%":
			return remainder(x, y)
		}
		return o.compute(x, y), nil
	}, new(func(any, any) any)}
}

func bothText(a, b any) (s, t string, ok bool) {
	s, ok = a.(string)
	t, also := b.(string)
	return s, t, ok && also
}

func negate(e *evaluation, args ...any) (any, error) {
	if args[0] == nil {
		return nil, nil
	}
	n, ok := e.operand(args[0])
	if !ok {
		return nil, refuse("- has no meaning for %s", typeName(args[0]))
	}
	return minus.compute(0, n), nil
}

// element is v[key]: an element of an array, the last ones by negative numbers, or a field.
func element(_ *evaluation, args ...any) (any, error) {
	if key, ok := args[1].(string); ok {
		return field(args[0], key), nil
	}
	i, ok := integer(args[1])
	if !ok && args[1] != nil {
		return nil, refuse("%s is no index; use a whole number or a string", typeName(args[1]))
	}
	list, _ := args[0].([]any)
	if i < 0 {
		i += int64(len(list))
	}
	if !ok || i < 0 || i >= int64(len(list)) {
		return nil, nil
	}
	return list[i], nil
}

func toList(e *evaluation, args ...any) (any, error) {
	list, ok := e.listOf(args[0])
	if !ok {
		return nil, refuse("%s stands where an array is needed", typeName(args[0]))
	}
	return list, nil
}

// listOf takes what is an array: of a row, of an expression, or none.
func (e *evaluation) listOf(v any) ([]any, bool) {
	switch list := v.(type) {
	case nil:
		return []any{}, true
	case []any:
		return list, true
	}
	literal := reflect.ValueOf(v) // expr makes []int and []string of literals
	if literal.Kind() != reflect.Slice {
		return nil, false
	}
	list := make([]any, literal.Len())
	e.spend(len(list))
	for i := range list {
		list[i] = literal.Index(i).Interface()
	}
	return list, true
}

func isIn(e *evaluation, args ...any) (any, error) {
	a, b := args[0], args[1]
	if o, ok := b.(object); ok {
		key, ok := a.(string)
		return ok && o.find(key) != 0, nil
	}
	list, ok := e.listOf(b)
	if !ok {
		return nil, refuse(noMeaningIn, typeName(b))
	}
	for _, item := range list {
		if e.equal(a, item) {
			return true, nil
		}
	}
	return false, nil
}

func length(e *evaluation, args ...any) (any, error) {
	if s, ok := args[0].(string); ok {
		e.spendText(len(s))
		return utf8.RuneCountInString(s), nil
	}
	list, ok := e.listOf(args[0])
	if !ok {
		return nil, refuse("len has no meaning for %s", typeName(args[0]))
	}
	return len(list), nil
}

// truth reads a value where true or false is needed.
func truth(v any) (bool, error) {
	switch v := v.(type) {
	case nil:
		return false, nil
	case bool:
		return v, nil
	case string:
		if v == "true" || v == "false" {
			return v == "true", nil
		}
	}
	return false, refuse("%s stands where true or false is needed", typeName(v))
}

func toText(e *evaluation, args ...any) (any, error) {
	switch v := args[0].(type) {
	case nil:
		return nil, nil
	case string:
		e.spendText(len(v))
		return v, nil
	}
	text, err := appendText(nil, args[0])
	if err != nil {
		return nil, err
	}
	return string(text), nil
}

// toSubject is a text for a regular expression, which takes its time for each byte.
func toSubject(e *evaluation, args ...any) (any, error) {
	v, err := toText(e, args...)
	if s, ok := v.(string); ok {
		e.spend(len(s))
	}
	return v, err
}

// toNumber is nil for a string that holds none.
func toNumber(e *evaluation, args ...any) (any, error) {
	switch v := args[0].(type) {
	case nil:
		return nil, nil
	case string:
		n, ok := e.operand(v)
		if !ok {
			return nil, nil
		}
		return n, nil
	}
	if !isNumber(args[0]) {
		return nil, refuse("number has no meaning for %s", typeName(args[0]))
	}
	return args[0], nil
}

func onText(change func(string) string) func(*evaluation, ...any) (any, error) {
	return func(e *evaluation, args ...any) (any, error) {
		text, err := toText(e, args...)
		if s, ok := text.(string); ok {
			return change(s), err
		}
		return nil, err
	}
}
