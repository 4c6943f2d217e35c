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
	read := readsOf(tree)
	s.reads, s.compared = append(s.reads, read.reads...), append(s.compared, read.compared...)
	s.straight = append(s.straight, read.straight...)
	for _, r := range read.reads {
		s.fields = append(s.fields, r.Path)
	}
	if name == "key" {
		s.needs = needsOf(tree.Node)
	}
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
		} else if meant := foreignLiteral(n.Value); meant != "" {
			l.refuse(n, "%s would be read as a field; write %s", n.Value, meant)
		}
	case *ast.BinaryNode:
		if _, literal := n.Right.(*ast.StringNode); n.Operator == "matches" && !literal {
			l.refuse(n, "matches needs its pattern in quotes")
		}
		if !slices.Contains(operators, n.Operator) {
			l.refuse(n, "the operator %s is not supported", n.Operator)
		}
		l.operands(n)
	case *ast.MemberNode:
		switch key := n.Property.(type) {
		case *ast.BoolNode, *ast.ArrayNode:
			l.refuse(n, "%s is no index; use a whole number or a string", literalType(key))
		case *ast.FloatNode:
			if _, whole := integer(key.Value); !whole {
				l.refuse(n, "a number with a fraction is no index; use a whole number or a string")
			}
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
		} else if f := functionOf(callee.Value); f == nil && foreignWord(callee.Value) != "" {
			l.refuse(n, "there is no function %s; %s", callee.Value, foreignWord(callee.Value))
		} else if f == nil {
			l.refuse(n, "there is no function %s; there are %s", callee.Value, functionNames())
		} else if len(n.Arguments) != 1 {
			l.refuse(n, "%s takes one value", callee.Value)
		} else {
			l.argument(n, callee.Value)
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

// operands refuses operators that would fail for every row because of a literal beside them. It
// says so as they would for a row. The checker of expr refuses most others.
func (l *language) operands(n *ast.BinaryNode) {
	switch n.Operator {
	case "in":
		if t := literalType(n.Right); t != "" && t != "an array" {
			l.refuse(n, noMeaningIn, t)
		}
	case "/", "%":
		switch divisor := n.Right.(type) {
		case *ast.IntegerNode:
			if divisor.Value == 0 {
				l.refuse(n, divisionByZero)
			}
		case *ast.FloatNode:
			if divisor.Value == 0 {
				l.refuse(n, divisionByZero)
			}
		}
	}
}

// argument refuses a literal that a function has no meaning for.
func (l *language) argument(n *ast.CallNode, function string) {
	t := literalType(n.Arguments[0])
	switch {
	case t == "":
	case function == "len" && t != "a string" && t != "an array",
		function == "number" && t != "a string" && t != "a number":
		l.refuse(n, "%s has no meaning for %s", function, t)
	case t == "an array" && function != "len":
		l.refuse(n, noText, t)
	}
}

// literalType names the type of what is written out, or made by a function that yields one type
// only, as typeName names that of a value; "" for what depends on the row.
func literalType(n ast.Node) string {
	switch n := n.(type) {
	case *ast.StringNode:
		return "a string"
	case *ast.IntegerNode, *ast.FloatNode:
		return "a number"
	case *ast.BoolNode:
		return "a boolean"
	case *ast.ArrayNode:
		return "an array"
	case *ast.CallNode:
		switch {
		case isCall(n, "len"):
			return "a number"
		case isCall(n, "lower"), isCall(n, "upper"), isCall(n, "trim"), isCall(n, "string"):
			return "a string"
		}
	}
	return ""
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
