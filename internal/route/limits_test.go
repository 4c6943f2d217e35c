package route

import (
	"fmt"
	"strings"
	"testing"
)

// crowd is a row with many participants.
func crowd(n int) string {
	var b strings.Builder
	var list strings.Builder
	for i := range n {
		fmt.Fprintf(&list, ",%d", i)
		fmt.Fprintf(&b, `,{"purpose":"p%d","n":%d}`, i, i)
	}
	return `{"text":"` + strings.Repeat("a", 100_000) + `","digits":"` + strings.Repeat("1", 100_000) + `","list":[` + list.String()[1:] + `],"participants":[` + b.String()[1:] + `]}`
}

func TestAnArrayMayBeNamedForEachOfItsElements(t *testing.T) {
	row := rowOf(t, crowd(10_000))
	for filter, want := range map[string]bool{
		`any(participants, .purpose == "agent")`:                                         false,
		`len(filter(participants, .purpose != participants[0].purpose)) == 9999`:         true,
		`any(participants, participants[-1].purpose == .purpose)`:                        true,
		`count(participants, .n % 2 == 0) == 5000 and participants[9999].n == 9999`:      true,
		`all(participants, .purpose startsWith "p" and participants[.n].n == .n) ?? nil`: true,
	} {
		if got, err := mustCompile(t, filter, "").Select(row); err != nil || got != want {
			t.Errorf("%s: got %v, %v", filter, got, err)
		}
	}
}

// Without the limit each of these would run for minutes: the test's own timeout tells.
func TestAnEvaluationEndsAfterSoManySteps(t *testing.T) {
	row := rowOf(t, crowd(10_000))
	for i, filter := range []string{
		`any(participants, .purpose == "a" or any(participants, .purpose == "b"))`,
		`len(filter(participants, len(filter(participants, .purpose == "x")) > 0)) > 1`,
		`count(participants, count(participants, count(participants, true) > 0) > 0) > 0`,
		`len(map(participants, map(participants, 1))) > 1`,
		`all(participants, "x" not in map(participants, "y"))`,
		`all(participants, not (-1 in list))`,
		`map(list, list) == map(list, list)`,
		`all(participants, text != "x")`,
		`all(participants, not (text matches "^(a+)+$b"))`,
		`all(participants, number(digits) > 1)`,
		`all(participants, digits > 1)`,
		`all(participants, len(upper(text)) > 1)`,
		`all(participants, (text + text) != "")`,
		`len(` + strings.Repeat("(text + text) + ", 240) + `"") > 1`,
	} {
		s := mustCompile(t, filter, "")
		_, err := s.Select(row)
		if err == nil || !strings.HasPrefix(err.Error(), "filter: it takes too many steps on this row") {
			t.Errorf("%s: got %v", filter, err)
			continue
		}
		if i > 0 {
			continue
		}
		if _, again := s.Select(row); again == nil || again.Error() != err.Error() {
			t.Errorf("%s: once it says %v, and then %v", filter, err, again)
		}
	}
}
