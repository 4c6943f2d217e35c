package app

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"
	"time"

	"convstream/internal/conv"
	"convstream/internal/pipeline"
)

func TestR12_TheSummaryObjectHasTheMembersOfTheDesign(t *testing.T) {
	s := pipeline.Summary{
		Windows:    3,
		Counters:   conv.Counters{Fetched: 10, Published: 6, Duplicates: 3, Revisions: 2, Invalid: 1},
		Incomplete: []conv.Window{monday},
		Unverified: []conv.Window{tuesday},
	}
	for _, c := range []struct {
		summary pipeline.Summary
		want    string
	}{
		{s, `{"windows":3,"fetched":10,"published":6,"duplicates":3,"revisions":2,"invalid":1,` +
			`"incomplete":["2024-01-01T00:00:00.000Z/2024-01-02T00:00:00.000Z","2024-01-02T00:00:00.000Z/2024-01-03T00:00:00.000Z"],"seconds":1.5}`},
		{pipeline.Summary{}, `{"windows":0,"fetched":0,"published":0,"duplicates":0,"revisions":0,"invalid":0,"incomplete":[],"seconds":1.5}`},
	} {
		got, err := json.Marshal(newSummary(c.summary, 1500*time.Millisecond))
		if err != nil || string(got) != c.want {
			t.Errorf("%v: %s, want %s", err, got, c.want)
		}
	}
}

func TestTheSummaryForPeopleIsASumAndNamesTheDeadLettersTopic(t *testing.T) {
	var text bytes.Buffer
	printSummary(&text, pipeline.Summary{
		Windows: 3, Counters: conv.Counters{Fetched: 10, Published: 6, Duplicates: 3, Revisions: 2, Invalid: 1}, Unasked: 2,
		Here:   conv.Counters{Fetched: 4, Published: 2, Duplicates: 2},
		Routes: map[string]conv.RouteCounters{"speech": {Published: 3, Filtered: 2, Invalid: 1}},
	}, "dead.rows", 1504*time.Millisecond)
	const want = `3 windows, over all runs: 10 rows fetched = 6 published (2 of them revisions) + 3 repeats + 1 dead letters
in this run: 4 fetched, 2 published; it took 1.5s
route speech: 3 of the published rows + 2 that its filter leaves out + 1 dead letters
the dead letters lie in topic dead.rows; convstream dlq list says what is wrong with each
2 windows are unverified: window.reconcile is false, so the platform was not asked for its count
`
	if text.String() != want {
		t.Errorf("it says %q, want %q", text.String(), want)
	}
}

func TestTheSummaryForPeopleNamesTheDeadLettersThatRoutesAloneHave(t *testing.T) {
	var text bytes.Buffer
	printSummary(&text, pipeline.Summary{
		Windows: 1, Counters: conv.Counters{Fetched: 1, Published: 1}, Routes: map[string]conv.RouteCounters{"chat": {Invalid: 1}},
	}, "dead.rows", time.Second)
	if !strings.Contains(text.String(), "the dead letters lie in topic dead.rows") {
		t.Errorf("it says %q, and not where the dead letter of route chat lies", text.String())
	}
}

func TestTheSummaryOfTopicsThatAreGoneNamesNoWayToTheirDeadLetters(t *testing.T) {
	var text bytes.Buffer
	printSummary(&text, pipeline.Summary{Windows: 1, Counters: conv.Counters{Fetched: 1, Invalid: 1}}, "", time.Second)
	if said := text.String(); strings.Contains(said, "dlq list") || !strings.Contains(said, "1 dead letters") {
		t.Errorf("it says %q", said)
	}
}

func TestALongListOfWindowsIsCutInASentence(t *testing.T) {
	windows := []conv.Window{monday, monday, monday, monday, tuesday}
	if list := windowList(windows); strings.Count(list, "/") != 5 || strings.Contains(list, "more") {
		t.Errorf("five windows are %q", list)
	}
	if list := windowList(append(windows, monday, monday)); strings.Count(list, "/") != 5 || !strings.HasSuffix(list, tuesday.String()+" and 2 more") {
		t.Errorf("seven windows are %q", list)
	}
}

func TestR93_ARunThatIsNotWholeExits3AndNamesTheWindows(t *testing.T) {
	if err := unfinished(pipeline.Summary{Windows: 4, Unasked: 4}); err != nil {
		t.Errorf("windows whose count nobody wanted are an error: %v", err)
	}
	for _, c := range []struct {
		summary pipeline.Summary
		want    []string // a sentence for each
	}{
		{pipeline.Summary{Incomplete: []conv.Window{monday, tuesday}}, []string{monday.String() + ", " + tuesday.String()}},
		{pipeline.Summary{Unverified: []conv.Window{tuesday}}, []string{tuesday.String()}},
		{pipeline.Summary{Incomplete: []conv.Window{monday}, Unread: []conv.Window{monday}, Unreadable: []string{"it is not in staging"}},
			[]string{"not read from staging: " + monday.String() + ": it is not in staging"}},
		{pipeline.Summary{Incomplete: []conv.Window{monday, tuesday}, Unread: []conv.Window{monday}}, []string{"not read from staging: " + monday.String(), "platform's count: " + tuesday.String()}},
		{pipeline.Summary{Incomplete: []conv.Window{monday}, Unverified: []conv.Window{tuesday}}, []string{monday.String(), tuesday.String()}},
	} {
		err := unfinished(c.summary)
		var text bytes.Buffer
		printError(&text, err)
		lines := strings.Split(strings.TrimSpace(text.String()), "\n")
		if exitCode(err) != ExitIncomplete || len(lines) != len(c.want) {
			t.Fatalf("exit code %d, %q", exitCode(err), lines)
		}
		for i, want := range c.want {
			if !strings.Contains(lines[i], want) {
				t.Errorf("it says %q, want %q", lines[i], want)
			}
		}
	}
}
