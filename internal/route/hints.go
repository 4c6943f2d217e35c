package route

import (
	"errors"
	"slices"
	"strings"

	"github.com/expr-lang/expr/file"
	"github.com/expr-lang/expr/parser/lexer"
)

// foreignLiterals are spellings of other languages, in small letters.
var foreignLiterals = map[string]string{
	"null": "nil", "nil": "nil", "none": "nil", "undefined": "nil", "true": "true", "false": "false",
}

// foreignLiteral is what a name was most likely meant to be, "" for that of a field.
func foreignLiteral(name string) string { return foreignLiterals[strings.ToLower(name)] }

// foreignWords are operators of other languages, in small letters, and what to write here.
var foreignWords = map[string]string{
	"and": "write and", "or": "write or", "not": "write not (…)", "in": "write in", "contains": "write contains", "matches": "write matches",
	"startswith": "write startsWith", "endswith": "write endsWith",
	"like": "use == or contains", "ilike": "use == or contains", "is": "write == nil or != nil", "between": "compare twice, as in a >= 1 and a <= 5",
}

// foreignWord is what to write for a word that is no operator here, "" for any other.
func foreignWord(word string) string { return foreignWords[strings.ToLower(word)] }

// foreignSigns are what other languages write, as far as one token reaches here, and the way out.
var foreignSigns = map[string]string{
	"=<": "write <=", "=>": "write >=", "<>": "write !=", "===": "write ==", "!==": "write !=", "=": "write == to compare", "&": "write and", "|": "write or",
}

// hint is the way out of a mistake in an expression, "" where none is known.
func hint(text string, err error) string {
	var at *file.Error
	if !errors.As(err, &at) {
		return ""
	}
	switch {
	case at.Message == "literal not terminated":
		return "a " + openQuote(text) + " is missing"
	case strings.HasPrefix(at.Message, "unrecognized character") && strings.ContainsAny(at.Message, "“”„‘’«»"):
		return `write quotes as " or '`
	case !strings.HasPrefix(at.Message, "unexpected token"):
		return ""
	}
	tokens, err := lexer.Lex(file.NewSource(text))
	if err != nil {
		return "" // it is told of another mistake
	}
	i := slices.IndexFunc(tokens, func(t lexer.Token) bool {
		return t.Location == at.Location && at.Message == "unexpected token "+t.String() // the end stands where the last token does
	})
	if i < 0 {
		return ""
	}
	return hintAt(tokens, i)
}

// hintAt is the way out where the parser did not expect tokens[i]. The cause may stand before it.
func hintAt(tokens []lexer.Token, i int) string {
	open, end := openBrackets(tokens[:i]), tokens[i].Kind == lexer.EOF
	if end && len(open) > 0 {
		return "a " + closing[open[len(open)-1].Value] + " is missing"
	}
	before := func(n int) lexer.Token { return tokens[max(0, i-n)] }
	for _, t := range []lexer.Token{tokens[i], before(1)} { // NOT a is noticed at a
		if t.Kind == lexer.Identifier && foreignWord(t.Value) != "" {
			return foreignWord(t.Value)
		}
	}
	switch out := foreignSigns[signAt(tokens, i)]; {
	case out != "":
		return out
	case before(1).Is(lexer.Operator, "|"), before(2).Is(lexer.Operator, "|"): // a | b == c is noticed at ==
		return foreignSigns["|"]
	case end:
		return "something is missing at its end"
	case tokens[i].Is(lexer.Bracket, ")", "]") && len(open) == 0:
		return "it closes nothing"
	case tokens[i].Is(lexer.Operator, ",") && len(open) > 0 && open[len(open)-1].Value == "(":
		return `write an array as ["a", "b"]`
	}
	return ""
}

// signAt joins the operator at tokens[i] with those that it touches, but for a sign of what follows.
func signAt(tokens []lexer.Token, i int) (sign string) {
	joined := func(a, b lexer.Token) bool {
		return a.Kind == lexer.Operator && b.Kind == lexer.Operator && a.To == b.From
	}
	for i > 0 && joined(tokens[i-1], tokens[i]) {
		i--
	}
	for sign = tokens[i].Value; i+1 < len(tokens) && joined(tokens[i], tokens[i+1]); i++ {
		sign += tokens[i+1].Value
	}
	return strings.TrimRight(sign, "+-")
}

var closing = map[string]string{"(": ")", "[": "]", "{": "}"}

// openBrackets are those that nothing closes.
func openBrackets(tokens []lexer.Token) (open []lexer.Token) {
	for _, t := range tokens {
		switch {
		case t.Is(lexer.Bracket, "(", "[", "{"):
			open = append(open, t)
		case t.Kind == lexer.Bracket && len(open) > 0 && closing[open[len(open)-1].Value] == t.Value:
			open = open[:len(open)-1]
		}
	}
	return open
}

// openQuote is the quote that opens the last text, of an expression in which it does not end.
func openQuote(text string) string {
	var open rune
	escaped := false
	for _, r := range text {
		switch {
		case escaped:
			escaped = false
		case open == 0 && strings.ContainsRune("\"'`", r):
			open = r
		case r == '\\' && (open == '"' || open == '\''):
			escaped = true
		case r == open:
			open = 0
		case r == '\n' && open != '`' && open != 0:
			return string(open)
		}
	}
	if open == 0 {
		return "quote"
	}
	return string(open)
}
