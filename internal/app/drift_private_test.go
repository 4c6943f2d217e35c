package app

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"convstream/avro"
	"convstream/internal/app/config"
	"convstream/internal/conv"
)

func TestWhatAPrivateFieldKeepsIsNotProposedInPlain(t *testing.T) {
	c, err := avro.Default("jobs")
	if err != nil {
		t.Fatal(err)
	}
	text, err := indented(c.Schema())
	if err != nil {
		t.Fatal(err)
	}
	for _, d := range []struct {
		conv.Deviation
		field string // that is private
	}{
		{retyped("participants", "array", "object"), "participants"},
		{retyped("participants", "array", "string"), "participants"},
		{retyped("participants.sessions", "array", "string"), "sessions"},
		{unknown("participants.participantName.first", "string"), "participantName"},
		{unknown("participants.sessions.ani.x", "string"), "ani"},
	} {
		list := entries(d.Deviation, unknown("vip", "boolean"))
		p, err := propose(text, present(t, text, "BACKWARD"), nil, list)
		if err != nil {
			t.Errorf("%s: %v", d.Field, err)
			continue
		}
		if !strings.HasPrefix(list[0].Change, "none: ") || !strings.Contains(list[0].Change, `the field "`+d.field+`" keeps private`) {
			t.Errorf("%s: %q", d.Field, list[0].Change)
		}
		if list[1].Change != "add field vip" || p == nil || strings.Count(p.diff(), "\n+    {") != 1 {
			t.Errorf("%s: beside it %q, and the proposal is %+v", d.Field, list[1].Change, p)
		}
	}
}

// A change whose contract would be refused does not take the others with it.
func TestAChangeThatNoContractTakesIsLeftOut(t *testing.T) {
	list := entries(unknown("a", "string"), missing("conversation.id"), unknown("d", "string"))
	p, err := propose(driftContract, present(t, driftContract, "BACKWARD"), nil, list)
	if err != nil || p == nil || list[0].Change != "add field a" || list[2].Change != "add field d" {
		t.Fatalf("%v, %q, %q", err, list[0].Change, list[2].Change)
	}
	if !strings.HasPrefix(list[1].Change, "none: no contract can say so: ") || strings.Contains(list[1].Change, "\n") {
		t.Errorf("%q", list[1].Change)
	}
	if _, err := avro.Parse([]byte(p.after)); err != nil {
		t.Error(err)
	}
}

func TestAProposalThatFailsDoesNotHideTheReport(t *testing.T) {
	broken := filepath.Join(t.TempDir(), "contract.avsc")
	if err := os.WriteFile(broken, []byte(`{"type": "record", "name": "R", "fields": []}`), 0o600); err != nil {
		t.Fatal(err)
	}
	primary := present(t, driftContract, "BACKWARD")
	for name, c := range map[string]struct {
		file, out, want string
	}{
		"the file became no contract": {broken, "", "edit the contract: "},
		"the file went away":          {broken + "2", "", "read contract: "},
		"nothing is to be written":    {"", filepath.Join(t.TempDir(), "next.avsc"), "nothing to change"},
	} {
		var cfg config.Config
		cfg.Contract.File = c.file
		report := driftReport{Drift: entries(unknown("conversation.id", "string"))}
		err := proposeTo(&report, cfg, primary, driftOptions{Propose: c.out})
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: got %v", name, err)
		}
		var out strings.Builder
		if err := printDrift(&out, cfg, driftOptions{Propose: c.out}, report); err != nil {
			t.Fatal(err)
		}
		if !strings.Contains(out.String(), "conversation.id") || strings.Contains(out.String(), "needs no change") || strings.Contains(out.String(), "proposed contract is in") {
			t.Errorf("%s: it prints %s", name, out.String())
		}
	}
}
