package app

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"convstream/internal/app/config"
	"convstream/internal/conv"
	"convstream/internal/pipeline"
)

func TestLettersAreChosenOfRoutesAndWindowsThatThereAre(t *testing.T) {
	cfg := config.Config{Routes: []config.Route{{Name: "speech"}, {Name: "urgent"}}}
	const hour = 3_600_000
	morning := conv.Window{From: monday.From, To: monday.From + 6*hour}
	ledger := map[conv.Window]conv.Checkpoint{
		morning: {Window: morning},
		tuesday: {Window: tuesday, Routes: map[string]conv.RouteCounters{"gone": {}, "former": {}, "urgent": {}}},
	}
	half := conv.Window{From: morning.From, To: morning.From + 3*hour}
	for name, c := range map[string]struct {
		choice letterChoice
		want   string
	}{
		"every letter":                  {letterChoice{}, ""},
		"the primary route":             {letterChoice{route: "conversations"}, ""},
		"a route":                       {letterChoice{route: "urgent", window: &tuesday}, ""},
		"a route that was taken out":    {letterChoice{route: "gone"}, ""},
		"no route":                      {letterChoice{route: "urgnt"}, `--route: there is no route "urgnt"; use one of conversations, speech, urgent, former, gone`},
		"a window":                      {letterChoice{window: &morning}, ""},
		"a day of several windows":      {letterChoice{window: &monday}, ""},
		"half a window holds no window": {letterChoice{window: &half}, "--window: the ledger has no window within " + half.String()},
	} {
		err := c.choice.check(cfg, ledger)
		if c.want == "" && err != nil || c.want != "" && (exitCode(err) != ExitUsage || !strings.Contains(err.Error(), c.want)) {
			t.Errorf("%s: got %v, want %q", name, err, c.want)
		}
	}
}

func TestAWindowTakesTheLettersOfAllWindowsWithinIt(t *testing.T) {
	const hour = 3_600_000
	night := conv.Window{From: monday.From, To: monday.From + 6*hour}
	narrowed := conv.Window{From: night.From, To: night.From + hour}
	letter := &conv.Letter{}
	letter.Window, letter.Root = narrowed, night
	for w, want := range map[conv.Window]bool{
		monday: true, night: true, narrowed: true, tuesday: false,
		{From: narrowed.From, To: narrowed.To - 1}: false, {From: night.From + hour, To: night.To}: false,
	} {
		if got := (letterChoice{window: &w}).has(letter); got != want {
			t.Errorf("%s has it: %v", w, got)
		}
	}
}

func TestARedriveSaysWhatBecameOfTheLettersAndADryRunWhatWould(t *testing.T) {
	found := pipeline.Redriven{Chosen: 15, Before: 1, Published: 2, Superseded: 3, Filtered: 4, Invalid: map[string]int64{conv.ReasonType: 5}}
	for dry, want := range map[bool]string{
		false: "15 dead letters: 1 redriven before, 2 redriven, 3 superseded, 4 left out by the filter of their route, 5 stay; this run took 1s\n",
		true: "15 dead letters, of which nothing was published (--dry-run): 1 redriven before, 2 would be redriven, 3 would be superseded, " +
			"4 would be left out by the filter of their route, 5 would stay; this run took 1s\n",
	} {
		var out bytes.Buffer
		err := newRedriveReport(found, dry, time.Second).print(&out)
		if said, _, _ := strings.Cut(out.String(), "5 still"); err != nil || said != want {
			t.Errorf("%v, it says %q, want %q", err, said, want)
		}
	}
}
