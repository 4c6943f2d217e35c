package route

import (
	"fmt"

	"convstream/internal/conv"
)

// maxSteps bounds what one evaluation does, so that it ends soon on any row, and equally on any
// machine. A step is one function, one key or one element that is looked at.
const maxSteps = 1 << 22

// bytesPerStep is how much text is copied, searched or compared in one step.
const bytesPerStep = 16

// memoryBudget bounds the elements of all arrays that one evaluation builds.
const memoryBudget = 1 << 20

// errTooLong ends an evaluation at maxSteps, or at memoryBudget.
var errTooLong = refuse("it takes too many steps on this row; predicates inside predicates multiply the lengths of their arrays")

// What is said of a row, and of an expression that would fail for every row.
const (
	noMeaningIn    = "in has no meaning for %s; use an array, an object, or contains"
	noText         = "%s stands where a string is needed"
	divisionByZero = "division by zero"
)

// refusal says why an expression cannot be computed for a row. It becomes a record header, and
// holds no value of the row.
type refusal string

func (r refusal) Error() string { return string(r) }

// refuse takes names of operators, functions and types: never a value.
func refuse(format string, names ...any) error { return refusal(fmt.Sprintf(format, names...)) }

// evaluation is the computation of one expression for one row.
type evaluation struct {
	row   *conv.Row
	left  int              // steps that it may still take; negative once it took too many
	lists map[uint32][]any // arrays that it has read, by their tokens
}

func (e *evaluation) spend(steps int)     { e.left -= steps }
func (e *evaluation) spendText(bytes int) { e.left -= bytes / bytesPerStep }

// over says that the steps are used up. What is computed from then on is thrown away.
func (e *evaluation) over() bool { return e.left < 0 }

// value reads what stands at a token.
func (e *evaluation) value(at uint32) any {
	t := e.row.Tokens[at]
	switch t.Kind {
	case conv.False, conv.True:
		return t.Kind == conv.True
	case conv.String:
		e.spendText(int(t.End - t.Start))
		return string(e.row.Text(t))
	case conv.Number:
		e.spendText(int(t.End - t.Start))
		n, _ := parseNumber(e.row.Bytes(t))
		return n
	case conv.Object:
		return object{e, at}
	case conv.Array:
		return e.list(at)
	}
	return nil
}

// list reads an array, once: a predicate may name it for each of its own elements.
func (e *evaluation) list(at uint32) []any {
	if list, ok := e.lists[at]; ok {
		return list
	}
	list := []any{}
	for i := at + 1; i < e.row.Tokens[at].Next && !e.over(); i = e.row.Tokens[i].Next {
		e.spend(1)
		list = append(list, e.value(i))
	}
	if e.lists == nil {
		e.lists = map[uint32][]any{}
	}
	e.lists[at] = list
	return list
}
