package route

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/expr-lang/expr/file"
)

// expression makes up an expression over the fields of marked, and often one without meaning.
func expression(r *rand.Rand, depth int) string {
	pick := func(of ...string) string { return of[r.IntN(len(of))] }
	if depth == 0 {
		return pick("s", "n", "f", "o", "l", "b", "z", "d", "o.s", "l[0]", "l[-1].s", "o[s]", `"x"`, "3", "0", "1.5", "true", "nil", `["x", s]`)
	}
	x, y := expression(r, depth-1), expression(r, depth-1)
	switch r.IntN(7) {
	case 0:
		return fmt.Sprintf("%s(%s)", pick("len", "lower", "upper", "trim", "number", "string"), x)
	case 1:
		return fmt.Sprintf("%s(%s, %s)", pick("all", "any", "none", "one", "filter", "map", "find", "count"), x, pick(y, "# == "+y, ".s + 1", "#", "# matches \"(\"+s", ".s < n"))
	case 2:
		return fmt.Sprintf("(%s ? %s : %s)", x, y, expression(r, depth-1))
	case 3:
		return pick("-", "not ") + "(" + x + ")"
	case 4:
		return fmt.Sprintf("(%s)[%s]", x, y)
	case 5:
		return fmt.Sprintf(`(%s) matches "%s"`, x, pick("x", "^.*$"))
	}
	return fmt.Sprintf("(%s) %s (%s)", x, pick("==", "!=", "<", "<=", ">", ">=", "in", "not in", "and", "or", "+", "-", "*", "/", "%", "??", "contains", "startsWith", "endsWith"), y)
}

// marked is a row whose strings, keys and numbers hold a marker.
const (
	marker = "Qz7hK3vX9pL2"
	digits = "73182947365"
	marked = `{"s":"` + marker + `","n":` + digits + `,"f":` + digits + `.25,"d":"` + digits + `","b":true,"z":0,"o":{"s":"` + marker + `","` + marker + `":1},
		"l":["` + marker + `",` + digits + `,{"s":"` + marker + `"},["` + marker + `"],null,{"s":` + digits + `}]}`
)

func TestNoErrorHoldsAValueOfTheRow(t *testing.T) {
	row := rowOf(t, marked)
	said := map[string]bool{}
	for seed := range uint64(4_000) {
		text := expression(rand.New(rand.NewPCG(seed, 41)), 1+int(seed%3))
		for _, of := range [][2]string{{text, ""}, {text + " == nil", ""}, {"", text}} {
			s, err := Compile(of[0], of[1])
			if err != nil {
				continue
			}
			_, filterErr := s.Select(row)
			_, keyErr := s.Key(nil, row)
			for _, err := range []error{filterErr, keyErr} {
				if err == nil {
					continue
				}
				if strings.Contains(strings.ToLower(err.Error()), strings.ToLower(marker)) || strings.Contains(err.Error(), digits) || strings.Contains(err.Error(), "\n") {
					t.Fatalf("%s: %v", text, err)
				}
				reason, _, _ := strings.Cut(err.Error(), ", at line")
				said[reason] = true
			}
		}
	}
	if len(said) < 50 {
		t.Errorf("only %d errors were brought about", len(said))
	}
	for reason := range said {
		if strings.Contains(reason, "cannot be computed") {
			t.Errorf("an error has no words of our own: %s", reason)
		}
	}
}

// What the library would say is not for a record header either.
func TestAnErrorOfTheLibraryIsNotPassedOn(t *testing.T) {
	for _, err := range []error{
		fmt.Errorf("cannot fetch %s", marker),
		&file.Error{Message: "cannot fetch " + marker, Snippet: marker},
		&file.Error{Message: marker, Prev: fmt.Errorf("cannot fetch %s", marker)},
	} {
		if got := placed("filter", "", withoutValues(err)); strings.Contains(got.Error(), marker) || !strings.HasPrefix(got.Error(), "it cannot be computed for this row") {
			t.Errorf("%v became %v", err, got)
		}
	}
}
