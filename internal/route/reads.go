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
	// whether there is one, or how many elements an array has.
	Whole bool
	// Computed says that the expression computes a name below the path, so that any value there
	// may be the one that it reads.
	Computed bool
}

// Comparison is one of a field with a text that holds no number: it fails for a number, or never
// comes true.
type Comparison struct {
	Path string // as in [Selector.Fields]
	Text string
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

// readsOf lists what an expression reads, and what it compares with texts.
func readsOf(tree *parser.Tree) *reader {
	var r reader
	r.use(tree.Node, "")
	return &r
}

// reader gathers what an expression reads.
type reader struct {
	reads    []Read
	compared []Comparison
	straight []string // paths of which the expression names each step from the row on
}

// needsOf lists the paths of which each has to hold a value, or the expression is nil.
func needsOf(n ast.Node) []string {
	switch n := n.(type) {
	case *ast.IdentifierNode, *ast.MemberNode, *ast.ChainNode:
		if path := new(reader).path(n, ""); path != "" {
			return []string{path}
		}
	case *ast.UnaryNode:
		if n.Operator == "+" || n.Operator == "-" {
			return needsOf(n.Node)
		}
	case *ast.BinaryNode:
		if slices.Contains([]string{"+", "-", "*", "/", "%"}, n.Operator) {
			return append(needsOf(n.Left), needsOf(n.Right)...)
		}
	case *ast.CallNode:
		if !isCall(n, "len") {
			return needsOf(n.Arguments[0])
		}
	}
	return nil
}

// use reads a node whose value is used as it is.
func (r *reader) use(n ast.Node, element string) (path string) {
	if path = r.path(n, element); path != "" {
		r.add(Read{Path: path, Whole: true})
	}
	return path
}

// notice reads a node of which no more is asked than whether it is there, or how many elements it has.
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
		r.use(n.Arguments[0], element) // also by len: where an array should be may stand a text
	case *ast.UnaryNode:
		r.use(n.Node, element)
	case *ast.BinaryNode:
		read := r.use
		if equality := n.Operator == "==" || n.Operator == "!="; equality && (isNil(n.Left) || isNil(n.Right)) {
			read = r.notice
		}
		left, right := read(n.Left, element), read(n.Right, element)
		r.compare(n, left, right)
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

// compare notes that a binary operator compares a field at a path with a text of the expression
// that holds no number.
func (r *reader) compare(n *ast.BinaryNode, left, right string) {
	if !slices.Contains([]string{"==", "!=", "<", "<=", ">", ">=", "in", "+"}, n.Operator) {
		return
	}
	note := func(path string, with ast.Node) {
		text, ok := with.(*ast.StringNode)
		if !ok || path == "" {
			return
		}
		_, number := parseNumber([]byte(text.Value))
		if c := (Comparison{path, text.Value}); !number && !slices.Contains(r.compared, c) {
			r.compared = append(r.compared, c)
		}
	}
	if list, ok := n.Right.(*ast.ArrayNode); ok && n.Operator == "in" {
		for _, item := range list.Nodes {
			note(left, item)
		}
	}
	if n.Operator != "in" { // before in stands a key, if an object is behind it
		note(left, n.Right)
		note(right, n.Left)
	}
}

// isStraight says whether a node names each step from the row on, and so no element of an array.
func isStraight(n ast.Node) bool {
	switch n := n.(type) {
	case *ast.IdentifierNode:
		return true
	case *ast.ChainNode:
		return isStraight(n.Node)
	case *ast.MemberNode:
		_, named := n.Property.(*ast.StringNode)
		return named && isStraight(n.Node)
	}
	return false
}

// member is a field by its name, or an element of an array, which has the array's path. A name
// that only the row tells may lead anywhere below, even over several steps: it may hold dots.
func (r *reader) member(n *ast.MemberNode, element string) string {
	base := r.path(n.Node, element)
	if key, ok := n.Property.(*ast.StringNode); ok && base != "" {
		path := base + "." + key.Value
		if isStraight(n) && !slices.Contains(r.straight, path) {
			r.straight = append(r.straight, path)
		}
		return path
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
