package route

import (
	"errors"
	"fmt"
	"reflect"
	"strings"
	"unicode/utf8"

	"github.com/expr-lang/expr/vm/runtime"
)

// function is one that a compiled expression calls.
type function struct {
	name      string
	call      func(args ...any) (any, error)
	signature any // as expr.Function takes it
}

// public says whether an expression can spell the function.
func (f *function) public() bool { return !strings.Contains(f.name, " ") }

var functions = []function{
	{"len", length, new(func(any) int)},
	{"lower", onText(strings.ToLower), new(func(any) string)},
	{"upper", onText(strings.ToUpper), new(func(any) string)},
	{"trim", onText(strings.TrimSpace), new(func(any) string)},
	{"number", toNumber, new(func(any) float64)},
	{"string", toText, new(func(any) string)},

	{fnField, func(args ...any) (any, error) { return field(args[0], args[1].(string)), nil }, new(func(any, string) any)},
	{fnElement, element, new(func(any, any) any)},
	{fnList, toList, new(func(any) []any)},
	{fnTruth, func(args ...any) (any, error) { return truth(args[0]) }, new(func(any) bool)},
	{fnText, toText, new(func(any) string)},
	{fnEqual, func(args ...any) (any, error) { return equal(args[0], args[1]), nil }, new(func(any, any) bool)},
	{fnIn, isIn, new(func(any, any) bool)},
	{fnNegate, negate, new(func(any) float64)},

	ordering("<", func(c int) bool { return c < 0 }),
	ordering("<=", func(c int) bool { return c <= 0 }),
	ordering(">", func(c int) bool { return c > 0 }),
	ordering(">=", func(c int) bool { return c >= 0 }),
	calculation("+", runtime.Add),
	calculation("-", runtime.Subtract),
	calculation("*", runtime.Multiply),
	calculation("/", func(a, b any) any { return runtime.Divide(a, b) }),
	calculation("%", func(a, b any) any { return runtime.Modulo(a, b) }),
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
	return function{computed[operator], func(args ...any) (any, error) {
		a, b := args[0], args[1]
		if a == nil || b == nil {
			return false, nil
		}
		_, truths := a.(bool)
		c, ok := compare(a, b)
		if !ok || truths {
			return nil, fmt.Errorf("%s has no meaning between %s and %s", operator, typeName(a), typeName(b))
		}
		return holds(c), nil
	}, new(func(any, any) bool)}
}

func calculation(operator string, compute func(a, b any) any) function {
	return function{computed[operator], func(args ...any) (any, error) {
		a, b := args[0], args[1]
		if a == nil || b == nil {
			return nil, nil
		}
		_, text := a.(string)
		_, more := b.(string)
		switch {
		case text && more && operator == "+":
		case !isNumber(a) || !isNumber(b):
			return nil, fmt.Errorf("%s has no meaning between %s and %s; number() and string() convert", operator, typeName(a), typeName(b))
		case operator == "/" || operator == "%":
			if c, _ := compare(b, 0); c == 0 {
				return nil, errors.New("division by zero")
			}
		}
		return compute(a, b), nil
	}, new(func(any, any) any)}
}

func negate(args ...any) (any, error) {
	if args[0] == nil {
		return nil, nil
	}
	if !isNumber(args[0]) {
		return nil, fmt.Errorf("- has no meaning for %s", typeName(args[0]))
	}
	return runtime.Negate(args[0]), nil
}

// element is v[key]: an element of an array, the last ones by negative numbers, or a field.
func element(args ...any) (any, error) {
	if key, ok := args[1].(string); ok {
		return field(args[0], key), nil
	}
	i, ok := integer(args[1])
	if !ok && args[1] != nil {
		return nil, fmt.Errorf("%s is no index; use a whole number or a string", typeName(args[1]))
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

func toList(args ...any) (any, error) {
	list, ok := listOf(args[0])
	if !ok {
		return nil, fmt.Errorf("%s stands where an array is needed", typeName(args[0]))
	}
	return list, nil
}

// listOf takes what is an array: of a row, of an expression, or none.
func listOf(v any) ([]any, bool) {
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
	for i := range list {
		list[i] = literal.Index(i).Interface()
	}
	return list, true
}

func isIn(args ...any) (any, error) {
	a, b := args[0], args[1]
	if o, ok := b.(object); ok {
		key, ok := a.(string)
		return ok && o.find(key) != 0, nil
	}
	list, ok := listOf(b)
	if !ok {
		return nil, fmt.Errorf("in has no meaning for %s; use an array, an object, or contains", typeName(b))
	}
	for _, item := range list {
		if equal(a, item) {
			return true, nil
		}
	}
	return false, nil
}

func length(args ...any) (any, error) {
	if s, ok := args[0].(string); ok {
		return utf8.RuneCountInString(s), nil
	}
	list, ok := listOf(args[0])
	if !ok {
		return nil, fmt.Errorf("len has no meaning for %s", typeName(args[0]))
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
	return false, fmt.Errorf("%s stands where true or false is needed", typeName(v))
}

func toText(args ...any) (any, error) {
	switch v := args[0].(type) {
	case nil, string:
		return v, nil
	}
	text, err := appendText(nil, args[0])
	if err != nil {
		return nil, err
	}
	return string(text), nil
}

// toNumber is nil for a string that holds none.
func toNumber(args ...any) (any, error) {
	switch v := args[0].(type) {
	case nil:
		return nil, nil
	case string:
		n, ok := parseNumber([]byte(v))
		if !ok {
			return nil, nil
		}
		return n, nil
	}
	if !isNumber(args[0]) {
		return nil, fmt.Errorf("number has no meaning for %s", typeName(args[0]))
	}
	return args[0], nil
}

func onText(change func(string) string) func(...any) (any, error) {
	return func(args ...any) (any, error) {
		text, err := toText(args...)
		if s, ok := text.(string); ok {
			return change(s), err
		}
		return nil, err
	}
}
