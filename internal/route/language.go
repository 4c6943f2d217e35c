package route

import (
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"

	"github.com/expr-lang/expr"
	"github.com/expr-lang/expr/ast"
	"github.com/expr-lang/expr/checker"
	"github.com/expr-lang/expr/conf"
	"github.com/expr-lang/expr/file"
	"github.com/expr-lang/expr/parser"
)

// maxNodes bounds the size of an expression, and with it the time that a row takes.
const maxNodes = 1000

// compile checks an expression as it is written, so that its errors speak of what the user
// wrote, and then compiles it as rewriter makes it.
func (s *Selector) compile(name, text string, check func(ast.Node) error) (*program, error) {
	config := conf.CreateNew()
	for _, option := range options() {
		option(config)
	}
	fault := func(err error) error { return misspelt(name, text, err) }
	tree, err := parser.ParseWithConfig(text, config)
	if err != nil {
		return nil, fault(err)
	}
	l := &language{}
	ast.Walk(&tree.Node, l)
	if l.problem != nil {
		return nil, fault(l.problem.Bind(tree.Source))
	}
	if _, err := checker.Check(tree, config); err != nil {
		return nil, fault(err)
	}
	if err := check(tree.Node); err != nil {
		return nil, fault(err)
	}
	paths, reads := readsOf(tree)
	s.fields, s.reads = append(s.fields, paths...), append(s.reads, reads...)
	compiled, err := expr.Compile(text, append(options(), expr.Patch(rewriter{}))...)
	if err != nil {
		return nil, fault(err)
	}
	return &program{name, text, compiled}, nil
}

func checkFilter(n ast.Node) error {
	t := n.Nature()
	switch {
	case t.Kind == reflect.Bool:
		return nil
	case t.Type == nil && !t.Nil:
		return errors.New(`it has to yield true or false, and whether a field does is not known; compare it, as in interaction.type == "voice" or screenRecording == true`)
	}
	return fmt.Errorf("it yields %s; it has to yield true or false", natureName(n))
}

func checkKey(n ast.Node) error {
	t := n.Nature()
	switch t.Kind {
	case reflect.String, reflect.Int, reflect.Int64, reflect.Float64, reflect.Invalid, reflect.Interface:
		if !t.Nil {
			return nil
		}
	}
	return fmt.Errorf("it yields %s; it has to yield a string or a number, as interaction.id does", natureName(n))
}

func natureName(n ast.Node) string {
	t := n.Nature()
	switch t.Kind {
	case reflect.Bool:
		return "true or false"
	case reflect.String:
		return "a string"
	case reflect.Slice, reflect.Array:
		return "an array"
	case reflect.Invalid, reflect.Interface:
		return "nil"
	}
	return "a number"
}

// language notes the first thing in an expression that the package documentation does not name.
type language struct {
	problem *file.Error
}

var operators = []string{"==", "!=", "<", "<=", ">", ">=", "in", "and", "&&", "or", "||", "+", "-", "*", "/", "%", "??", "contains", "startsWith", "endsWith", "matches"}

var predicates = []string{"all", "any", "none", "one", "filter", "map", "find", "count"}

// Visit implements ast.Visitor.
func (l *language) Visit(node *ast.Node) {
	switch n := (*node).(type) {
	case *ast.IdentifierNode:
		if n.Value == "$env" {
			l.refuse(n, "$env is not supported; name a field by its path, such as interaction.type")
		}
	case *ast.BinaryNode:
		if _, literal := n.Right.(*ast.StringNode); n.Operator == "matches" && !literal {
			l.refuse(n, "matches needs its pattern in quotes")
		}
		if !slices.Contains(operators, n.Operator) {
			l.refuse(n, "the operator %s is not supported", n.Operator)
		}
	case *ast.BuiltinNode:
		if !slices.Contains(predicates, n.Name) {
			l.refuse(n, "there is no function %s; there are %s", n.Name, functionNames())
		} else if len(n.Arguments) < 2 {
			l.refuse(n, "%s needs a condition too, as in %s(participants, .purpose == \"agent\")", n.Name, n.Name)
		}
	case *ast.CallNode:
		if callee, ok := n.Callee.(*ast.IdentifierNode); !ok {
			l.refuse(n, "a field is no function; there are %s", functionNames())
		} else if functionOf(callee.Value) == nil {
			l.refuse(n, "there is no function %s; there are %s", callee.Value, functionNames())
		} else if len(n.Arguments) != 1 {
			l.refuse(n, "%s takes one value", callee.Value)
		}
	case *ast.PointerNode:
		if n.Name != "" {
			l.refuse(n, "#%s is not supported", n.Name)
		}
	case *ast.VariableDeclaratorNode, *ast.SequenceNode:
		l.refuse(n, "an expression is one condition or one value, without let and semicolons")
	case *ast.SliceNode, *ast.MapNode, *ast.BytesNode:
		l.refuse(n, "parts of arrays, objects and bytes are not supported")
	}
}

func (l *language) refuse(n ast.Node, format string, args ...any) {
	if l.problem == nil {
		l.problem = &file.Error{Location: n.Location(), Message: fmt.Sprintf(format, args...)}
	}
}

func functionNames() string {
	names := slices.Clone(predicates)
	for _, f := range functions {
		if f.public() {
			names = append(names, f.name)
		}
	}
	return strings.Join(names, ", ")
}
