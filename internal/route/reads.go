package route

import (
	"slices"
	"strings"

	"github.com/expr-lang/expr/ast"
	"github.com/expr-lang/expr/parser"
)

// Read is something of a row that an expression reads.
type Read struct {
	// Path is written as in [Selector.Fields].
	Path string
	// Whole says that the value counts, with all that stands below it. Else all that is read is
	// whether there is one, or how many elements it has.
	Whole bool
	// Computed says that the expression computes a name below the path, so that any value there
	// may be the one that it reads.
	Computed bool
}

// outermost sorts paths, and leaves out those that others go through: who reads
// participants.purpose need not be told of participants.
func outermost(paths []string) []string {
	slices.Sort(paths)
	paths = slices.Compact(paths)
	var kept []string
	for _, p := range paths {
		if !slices.ContainsFunc(paths, func(other string) bool { return strings.HasPrefix(other, p+".") }) {
			kept = append(kept, p)
		}
	}
	return kept
}

// readsOf lists the source paths that an expression names, and what it reads there.
func readsOf(tree *parser.Tree) (paths []string, reads []Read) {
	var r reader
	r.use(tree.Node, "")
	for _, read := range r.reads {
		paths = append(paths, read.Path)
	}
	return paths, r.reads
}

// reader gathers what an expression reads.
type reader struct {
	reads []Read
}

// use reads a node whose value is used as it is.
func (r *reader) use(n ast.Node, element string) {
	if path := r.path(n, element); path != "" {
		r.add(Read{Path: path, Whole: true})
	}
}

// notice reads a node of which no more is asked than whether it is there, or how long it is.
func (r *reader) notice(n ast.Node, element string) (path string) {
	if path = r.path(n, element); path != "" {
		r.add(Read{Path: path})
	}
	return path
}

// add notes a read, unless one that says as much is noted.
func (r *reader) add(read Read) {
	covers := func(have Read) bool {
		return have.Path == read.Path && (have.Whole || !read.Whole) && (have.Computed || !read.Computed)
	}
	if !slices.ContainsFunc(r.reads, covers) {
		r.reads = append(r.reads, read)
	}
}

// path returns the path that a node stands for, "" where it is something computed: what that is
// computed of is read whole. element is the path of the elements of the predicate around it.
func (r *reader) path(n ast.Node, element string) string {
	switch n := n.(type) {
	case *ast.IdentifierNode:
		return n.Value
	case *ast.PointerNode:
		return element
	case *ast.ChainNode:
		return r.path(n.Node, element)
	case *ast.MemberNode:
		return r.member(n, element)
	case *ast.BuiltinNode:
		return r.predicate(n, element)
	case *ast.CallNode:
		if isCall(n, "len") {
			r.notice(n.Arguments[0], element)
		} else {
			r.use(n.Arguments[0], element)
		}
	case *ast.UnaryNode:
		r.use(n.Node, element)
	case *ast.BinaryNode:
		read := r.use
		if equality := n.Operator == "==" || n.Operator == "!="; equality && (isNil(n.Left) || isNil(n.Right)) {
			read = func(n ast.Node, element string) { r.notice(n, element) }
		}
		read(n.Left, element)
		read(n.Right, element)
	case *ast.ConditionalNode:
		r.use(n.Cond, element)
		r.use(n.Exp1, element)
		r.use(n.Exp2, element)
	case *ast.ArrayNode:
		for _, item := range n.Nodes {
			r.use(item, element)
		}
	}
	return ""
}

// member is a field by its name, or an element of an array, which has the array's path. A name
// that only the row tells may lead anywhere below, even over several steps: it may hold dots.
func (r *reader) member(n *ast.MemberNode, element string) string {
	base := r.path(n.Node, element)
	if key, ok := n.Property.(*ast.StringNode); ok && base != "" {
		return base + "." + key.Value
	}
	r.use(n.Property, element)
	if base != "" && !isNoText(n.Property) {
		r.add(Read{Path: base, Whole: true, Computed: true})
	}
	return base
}

func (r *reader) predicate(n *ast.BuiltinNode, element string) string {
	list := r.notice(n.Arguments[0], element)
	body := n.Arguments[1].(*ast.PredicateNode).Node
	switch n.Name {
	case "map":
		return r.path(body, list)
	case "filter", "find":
		r.use(body, list)
		return list
	}
	r.use(body, list)
	return ""
}

func isNil(n ast.Node) bool {
	_, ok := n.(*ast.NilNode)
	return ok
}

// isNoText says whether a node never yields a string, whatever the row holds: then it is no name.
func isNoText(n ast.Node) bool {
	switch n := n.(type) {
	case *ast.IntegerNode, *ast.FloatNode, *ast.BoolNode, *ast.NilNode, *ast.ArrayNode:
		return true
	case *ast.UnaryNode:
		return n.Operator != "+" || isNoText(n.Node) // + changes nothing
	case *ast.BinaryNode:
		switch n.Operator {
		case "+":
			return isNoText(n.Left) || isNoText(n.Right) // it joins two strings only
		case "??":
			return isNoText(n.Left) && isNoText(n.Right)
		}
		return true
	case *ast.ConditionalNode:
		return isNoText(n.Exp1) && isNoText(n.Exp2)
	case *ast.CallNode:
		return isCall(n, "len") || isCall(n, "number")
	case *ast.BuiltinNode:
		return n.Name != "map" && n.Name != "filter" && n.Name != "find"
	}
	return false
}
