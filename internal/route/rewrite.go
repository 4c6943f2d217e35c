package route

import (
	"slices"

	"github.com/expr-lang/expr/ast"
)

// Names of functions that no expression can spell, as they hold a space.
const (
	fnField   = "a field"    // of an object, at a path
	fnElement = "an element" // of an array, or a field of an object
	fnList    = "a list"
	fnTruth   = "a truth"
	fnText    = "a text"
	fnEqual   = "is equal"
	fnIn      = "is in"
	fnNegate  = "the negative"
	fnSubject = "a text to match"
)

// computed names the functions that stand for operators.
var computed = map[string]string{
	"<": "is less", "<=": "is at most", ">": "is more", ">=": "is at least",
	"+": "the sum", "-": "the difference", "*": "the product", "/": "the quotient", "%": "the remainder",
}

var (
	logical = []string{"and", "&&", "or", "||"}
	textual = []string{"contains", "startsWith", "endsWith", "matches"}
)

// rewriter replaces what expr does with fields, nil and mixed types by what the package
// documentation says. It sees each node behind those below it.
type rewriter struct{}

// Visit implements ast.Visitor.
func (rewriter) Visit(node *ast.Node) {
	switch n := (*node).(type) {
	case *ast.IdentifierNode:
		if functionOf(n.Value) == nil {
			replace(node, fnField, wholeRow(), &ast.StringNode{Value: n.Value})
		}
	case *ast.CallNode:
		if f := functionOf(n.Callee.(*ast.IdentifierNode).Value); f.public() {
			replace(node, f.compiledName(), n.Arguments...)
		}
	case *ast.MemberNode:
		member(node, n)
	case *ast.ChainNode:
		ast.Patch(node, n.Node) // every access is an optional one
	case *ast.UnaryNode:
		unary(node, n)
	case *ast.BinaryNode:
		binary(node, n)
	case *ast.ConditionalNode:
		wrap(&n.Cond, fnTruth)
	case *ast.BuiltinNode:
		wrap(&n.Arguments[0], fnList)
		if body, ok := n.Arguments[1].(*ast.PredicateNode); ok && n.Name != "map" {
			wrap(&body.Node, fnTruth)
		}
	}
}

// member makes one path of a chain of names, so that a key with dots is found in it.
func member(node *ast.Node, n *ast.MemberNode) {
	key, named := n.Property.(*ast.StringNode)
	above, ok := n.Node.(*ast.CallNode)
	if named && ok && isCall(above, fnField) {
		path := above.Arguments[2].(*ast.StringNode)
		replace(node, fnField, above.Arguments[1], &ast.StringNode{Value: path.Value + "." + key.Value})
	} else if named {
		replace(node, fnField, n.Node, key)
	} else {
		replace(node, fnElement, n.Node, n.Property)
	}
}

func unary(node *ast.Node, n *ast.UnaryNode) {
	switch n.Operator {
	case "not", "!":
		wrap(&n.Node, fnTruth)
	case "-":
		replace(node, fnNegate, n.Node)
	case "+":
		ast.Patch(node, n.Node)
	}
}

func binary(node *ast.Node, n *ast.BinaryNode) {
	switch {
	case n.Operator == "==":
		replace(node, fnEqual, n.Left, n.Right)
	case n.Operator == "!=":
		equal := ast.Node(n)
		replace(&equal, fnEqual, n.Left, n.Right)
		ast.Patch(node, &ast.UnaryNode{Operator: "not", Node: equal})
	case n.Operator == "in":
		replace(node, fnIn, n.Left, n.Right)
	case computed[n.Operator] != "":
		replace(node, computed[n.Operator], n.Left, n.Right)
	case slices.Contains(logical, n.Operator):
		wrap(&n.Left, fnTruth)
		wrap(&n.Right, fnTruth)
	case slices.Contains(textual, n.Operator):
		if n.Operator == "matches" { // the pattern is a literal, which expr compiles once
			wrap(&n.Left, fnSubject)
			return
		}
		wrap(&n.Left, fnText)
		wrap(&n.Right, fnText)
	}
}

// wholeRow leads every function to the evaluation that it is part of.
func wholeRow() ast.Node { return &ast.IdentifierNode{Value: "$env"} }

func replace(node *ast.Node, function string, args ...ast.Node) {
	args = append([]ast.Node{wholeRow()}, args...)
	ast.Patch(node, &ast.CallNode{Callee: &ast.IdentifierNode{Value: function}, Arguments: args})
}

func wrap(node *ast.Node, function string) { replace(node, function, *node) }

func isCall(n *ast.CallNode, function string) bool {
	callee, ok := n.Callee.(*ast.IdentifierNode)
	return ok && callee.Value == function
}
