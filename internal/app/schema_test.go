package app

import (
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/twmb/franz-go/pkg/sr/srfake"

	"convstream/avro"
)

// schemaWorld is a registry, and a configuration that names it.
type schemaWorld struct {
	t        *testing.T
	registry *srfake.Registry
	dir      string
	config   string
}

func newSchemaWorld(t *testing.T, more ...string) *schemaWorld {
	t.Helper()
	w := &schemaWorld{t: t, registry: srfake.New(), dir: t.TempDir()}
	t.Cleanup(w.registry.Close)
	w.config = w.write("convstream.yaml", fmt.Sprintf(`pipeline: p
source: {org: acme, region: eu-central-1, client_id: me, client_secret: hunter2}
kafka: {brokers: ["127.0.0.1:9092"]}
registry: {url: %q}
`, w.registry.URL())+strings.Join(more, "\n"))
	return w
}

func (w *schemaWorld) write(name, text string) string {
	w.t.Helper()
	path := filepath.Join(w.dir, name)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		w.t.Fatal(err)
	}
	return path
}

// run runs a schema command, and fails where it does not exit as it should.
func (w *schemaWorld) run(code int, args ...string) (stdout, stderr string) {
	w.t.Helper()
	got, stdout, stderr := cli(w.t, append([]string{"schema"}, args...)...)
	if got != code {
		w.t.Fatalf("schema %s exits %d, want %d: %s%s", strings.Join(args, " "), got, code, stdout, stderr)
	}
	return stdout, stderr
}

// changed writes convstream's own contract with a piece of it replaced.
func (w *schemaWorld) changed(old, new string) string {
	w.t.Helper()
	own, err := avro.Default("reports")
	if err != nil {
		w.t.Fatal(err)
	}
	text := strings.Replace(own.Schema(), old, new, 1)
	if text == own.Schema() {
		w.t.Fatalf("the contract has no %s", old)
	}
	return w.write("changed.avsc", text)
}

const priority = `"name":"attributes_custom_case_priority","type":["null","string"]`

func TestR100_EveryRouteIsRegisteredOnceUnderItsTopic(t *testing.T) {
	w := newSchemaWorld(t)
	first, _ := w.run(ExitDone, "register", "-c", w.config)
	want := "subject genesys.conversations-value: id 1, version 1\nsubject genesys.speech-value: id 2, version 1\n"
	if first != want {
		t.Errorf("printed %q, want %q", first, want)
	}
	if again, _ := w.run(ExitDone, "register", "-c", w.config); again != want {
		t.Errorf("the second time: %q", again)
	}
	for topic, own := range map[string]func(string) (*avro.Contract, error){"genesys.conversations": avro.Default, "genesys.speech": avro.Speech} {
		contract, err := own("reports")
		stored, ok := w.registry.GetSchema(topic+"-value", 1)
		if err != nil || !ok || stored.Schema.Schema != contract.Schema() {
			t.Errorf("%s: %v, %+v", topic, err, stored)
		}
	}
}

func TestR105_ACandidateIsCheckedBeforeItIsConfigured(t *testing.T) {
	w := newSchemaWorld(t)
	w.run(ExitDone, "register", "-c", w.config)
	if out, _ := w.run(ExitDone, "check", "-c", w.config); strings.Count(out, "registered as version 1") != 2 {
		t.Errorf("what is registered: %s", out)
	}
	candidate := w.changed("{"+priority, `{"name":"language","type":["null","string"],"default":null},{`+priority)
	out, _ := w.run(ExitDone, "check", "-c", w.config, "--contract", candidate)
	if !strings.Contains(out, "genesys.conversations-value: compatible with version 1 at level BACKWARD") || strings.Contains(out, "speech") {
		t.Errorf("the candidate: %s", out)
	}
	if _, ok := w.registry.GetSchema("genesys.conversations-value", 2); ok {
		t.Error("it was registered")
	}
	w.write("convstream.yaml", read(t, w.config)+"contract: {file: "+candidate+"}\n")
	if out, _ := w.run(ExitDone, "register", "-c", w.config); !strings.Contains(out, "genesys.conversations-value: id 3, version 2") {
		t.Errorf("put in place: %s", out)
	}
}

func TestR105_CheckTellsEachOffendingFieldAndExits1(t *testing.T) {
	w := newSchemaWorld(t)
	w.run(ExitDone, "register", "-c", w.config)
	broken := w.changed(priority, strings.Replace(priority, "string", "long", 1))
	out, errs := w.run(ExitFailed, "check", "-c", w.config, "--contract", broken)
	for _, want := range []string{"genesys.conversations-value: incompatible", `"attributes_custom_case_priority"`, "version 1", "null | string", "null | long"} {
		if !strings.Contains(out, want) {
			t.Errorf("%q does not say %q", out, want)
		}
	}
	if !strings.Contains(errs, "conversations") || strings.Contains(out, "speech") {
		t.Errorf("printed %q and %q", out, errs)
	}
	if _, ok := w.registry.GetSchema("genesys.conversations-value", 2); ok {
		t.Error("it was registered")
	}
}

func TestCheckPrintsOneObjectForMachines(t *testing.T) {
	w := newSchemaWorld(t)
	w.run(ExitDone, "register", "-c", w.config)
	broken := w.changed(priority, strings.Replace(priority, "string", "long", 1))
	out, _ := w.run(ExitFailed, "check", "-c", w.config, "--contract", broken, "--json")
	var report schemaReport
	if err := json.Unmarshal([]byte(out), &report); err != nil || strings.Count(out, "\n") != 1 {
		t.Fatalf("%v in %q", err, out)
	}
	if report.Compatible || len(report.Routes) != 1 || len(report.Routes[0].Incompatible) != 1 || report.Routes[0].Incompatible[0].Path != "attributes_custom_case_priority" {
		t.Errorf("got %+v", report)
	}
	out, _ = w.run(ExitDone, "check", "-c", w.config, "--json")
	if want := `"id":1,"version":1,"compared_with":[],"incompatible":[],"refused":[]`; !strings.Contains(out, want) {
		t.Errorf("%q does not hold %s", out, want)
	}
}

func TestR107_AFieldOfTheSpeechTopicCannotBeRenamed(t *testing.T) {
	w := newSchemaWorld(t)
	w.run(ExitDone, "register", "-c", w.config)
	speech, _ := w.run(ExitDone, "show", "--route", "speech")
	renamed := w.write("renamed.avsc", strings.Replace(speech, `"attributes_custom_case_priority"`, `"priority"`, 1))
	out, _ := w.run(ExitFailed, "check", "-c", w.config, "--route", "speech", "--contract", renamed)
	if !strings.Contains(out, `"attributes_custom_case_priority"`) || !strings.Contains(out, "is gone") {
		t.Errorf("printed %q", out)
	}
	own := newSchemaWorld(t, "routes: [{name: speech, contract: "+renamed+"}]")
	own.run(ExitDone, "register", "-c", own.config) // a first contract breaks nothing
	w.write("convstream.yaml", fmt.Sprintf("%s\nroutes: [{name: speech, contract: %s}]\n", read(t, w.config), renamed))
	w.run(ExitFailed, "register", "-c", w.config)
	if _, ok := w.registry.GetSchema("genesys.speech-value", 2); ok {
		t.Error("it was registered")
	}
}

func TestTheWayOutOfAnIncompatibilityIsOneThatHelps(t *testing.T) {
	broken := []avro.Incompatibility{{Version: 1, Path: "a", Detail: "is gone"}}
	const level, speech, registry = "set registry.compatibility to a level", "only NONE lets it go", "the level that it has for the subject"
	for name, c := range map[string]struct {
		verdicts []schemaVerdict
		say      []string
	}{
		"a route":      {[]schemaVerdict{{Route: "conversations", Incompatible: broken}}, []string{level}},
		"speech":       {[]schemaVerdict{{Route: "conversations", Compatible: true}, {Route: "speech", Incompatible: broken}}, []string{speech}},
		"both":         {[]schemaVerdict{{Route: "conversations", Incompatible: broken}, {Route: "speech", Incompatible: broken}}, []string{level, speech}},
		"the registry": {[]schemaVerdict{{Route: "urgent", Refused: []string{"no"}}}, []string{registry}},
	} {
		said := incompatibility(c.verdicts).Error()
		for _, way := range []string{level, speech, registry} {
			if strings.Contains(said, way) != slices.Contains(c.say, way) {
				t.Errorf("%s: it says %q", name, said)
			}
		}
	}
}

func TestCheckTellsANewSubjectFromALevelThatComparesNothing(t *testing.T) {
	w := newSchemaWorld(t)
	if out, _ := w.run(ExitDone, "check", "-c", w.config); strings.Count(out, ": the subject is new\n") != 2 {
		t.Errorf("of new subjects it prints %q", out)
	}
	w.run(ExitDone, "register", "-c", w.config)
	w.write("convstream.yaml", strings.Replace(read(t, w.config), "registry: {", "registry: {compatibility: NONE, ", 1))
	broken := w.changed(priority, strings.Replace(priority, "string", "long", 1))
	if out, _ := w.run(ExitDone, "check", "-c", w.config, "--contract", broken); !strings.Contains(out, ": the level is NONE: nothing is compared\n") {
		t.Errorf("at NONE it prints %q", out)
	}
}

func TestR105_NothingIsRegisteredWhereOneRouteIsIncompatible(t *testing.T) {
	w := newSchemaWorld(t)
	w.run(ExitDone, "register", "-c", w.config)
	good := w.changed("{"+priority, `{"name":"language","type":["null","string"],"default":null},{`+priority)
	speech, _ := w.run(ExitDone, "show", "--route", "speech")
	renamed := w.write("renamed.avsc", strings.Replace(speech, `"attributes_custom_case_priority"`, `"priority"`, 1))
	w.write("convstream.yaml", fmt.Sprintf("%s\ncontract: {file: %s}\nroutes: [{name: speech, contract: %s}]\n", read(t, w.config), good, renamed))
	out, _ := w.run(ExitFailed, "register", "-c", w.config)
	if !strings.Contains(out, "genesys.conversations-value: compatible") || !strings.Contains(out, "genesys.speech-value: incompatible") {
		t.Errorf("printed %q", out)
	}
	if _, ok := w.registry.GetSchema("genesys.conversations-value", 2); ok {
		t.Error("the contract of conversations was registered")
	}
}

func read(t *testing.T, file string) string {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func TestABrokenContractExits2WithKeyFileAndLine(t *testing.T) {
	w := newSchemaWorld(t)
	broken := w.write("broken.avsc", "{\"type\":\"record\",\"name\":\"R\",\"fields\":[\n{\"name\":\"f\",\"type\":\"strin\"}]}")
	for _, args := range [][]string{
		{"check", "-c", w.config, "--contract", broken},
		{"check", "-c", newSchemaWorld(t, "contract: {file: "+broken+"}").config},
		{"register", "-c", newSchemaWorld(t, "contract: {file: "+broken+"}").config},
		{"show", "-c", newSchemaWorld(t, "contract: {file: "+broken+"}").config},
	} {
		_, errs := w.run(ExitUsage, args...)
		for _, want := range []string{"contract.file: ", "broken.avsc: ", "line 2", `"f"`, "strin"} {
			if !strings.Contains(errs, want) {
				t.Errorf("%v: %q does not say %q", args, errs, want)
			}
		}
	}
	missing := newSchemaWorld(t, "routes: [{name: chat, topic: genesys.chat, contract: no-such.avsc}]")
	if _, errs := w.run(ExitUsage, "check", "-c", missing.config); !strings.Contains(errs, "routes[0].contract: ") || !strings.Contains(errs, "no-such.avsc") {
		t.Errorf("a missing file: %q", errs)
	}
}

// What a run would refuse at its start is refused before it is compared, and before anything is registered.
func TestNothingPassesACheckThatARunWouldRefuse(t *testing.T) {
	for name, c := range map[string]struct {
		contract string // what is put into convstream's own
		more     string // of the configuration
		words    []string
	}{
		"a key of a private field": {priority + `,"privacy":"mask"`, `routes: [{name: speech, key: attributes.custom.case_priority}]`,
			[]string{"routes[0]", "attributes.custom.case_priority", `"privacy"`}},
		"a broken filter": {priority + `,"doc":"x"`, `routes: [{name: speech, filter: 'a +'}]`, []string{"routes[0]"}},
		"a broken schema": {priority + `,"doc":"x"`, "", []string{"contract.json_schema"}},
	} {
		t.Run(name, func(t *testing.T) {
			w := newSchemaWorld(t)
			next := w.changed(priority, c.contract)
			rules := ""
			if c.more == "" {
				rules = ", json_schema: " + w.write("rules.json", `{"type": 5}`)
			}
			w.write("convstream.yaml", read(t, w.config)+c.more+fmt.Sprintf("\ncontract: {file: %s%s}\n", next, rules))
			_, said := w.run(ExitUsage, "check", "-c", w.config)
			for _, word := range c.words {
				if !strings.Contains(said, word) {
					t.Errorf("%q does not say %q", said, word)
				}
			}
			if _, errs := w.run(ExitUsage, "register", "-c", w.config); errs != said {
				t.Errorf("register says %q, and check %q", errs, said)
			}
			interval := []string{"-c", w.config, "--from", "2024-01-01", "--to", "2024-01-02"}
			for _, command := range []string{"plan", "backfill"} {
				if code, _, errs := cli(t, append([]string{command}, interval...)...); code != ExitUsage || errs != said {
					t.Errorf("%s exits %d and says %q, and check says %q", command, code, errs, said)
				}
			}
			for _, subject := range []string{"genesys.conversations-value", "genesys.speech-value"} {
				if _, ok := w.registry.GetSchema(subject, 1); ok {
					t.Errorf("%s was registered", subject)
				}
			}
		})
	}
}

func TestWhatAStartWarnsOfInFiltersIsToldByCheckAndPlanToo(t *testing.T) {
	w := newSchemaWorld(t, `routes: [{name: speech, filter: 'interaction.type == voice'}]`)
	_, checked := w.run(ExitDone, "check", "-c", w.config)
	code, _, planned := cli(t, "plan", "-c", w.config, "--from", "2024-01-01", "--to", "2024-01-02")
	for _, errs := range []string{checked, planned} {
		if code != ExitDone || strings.Count(errs, `"level":"warn"`) != 1 || !strings.Contains(errs, "routes[0] (speech)") || !strings.Contains(errs, "voice") {
			t.Errorf("exit %d, and it says %q", code, errs)
		}
	}
}

// Most levels let a rename pass, and consumers lose a field by it.
func TestACheckListsFieldsThatComeGoOrAreReadFromElsewhere(t *testing.T) {
	w := newSchemaWorld(t)
	w.run(ExitDone, "register", "-c", w.config)
	const elsewhere = `"attributes.custom.case_priority"`
	for _, c := range []struct {
		old, new string
		want     []string
	}{
		{priority, strings.Replace(priority, "attributes_custom_case_priority", "priority", 1), []string{
			`field "attributes_custom_case_priority" goes: new rows have it no more`, `field "priority" comes, read from "attributes.custom.case_priority"`}},
		{elsewhere, `"attributes.custom.urgency"`,
			[]string{`field "attributes_custom_case_priority" is read from "attributes.custom.urgency", and was from "attributes.custom.case_priority"`}},
	} {
		file := w.changed(c.old, c.new)
		out, _ := w.run(ExitDone, "check", "-c", w.config, "--contract", file)
		want := "conversations   genesys.conversations-value: compatible with version 1 at level BACKWARD\n  " + strings.Join(c.want, "\n  ") + "\n"
		if out != want {
			t.Errorf("printed %q, want %q", out, want)
		}
		var report schemaReport
		out, _ = w.run(ExitDone, "check", "-c", w.config, "--contract", file, "--json")
		if err := json.Unmarshal([]byte(out), &report); err != nil || !slices.Equal(report.Routes[0].Changes, c.want) {
			t.Errorf("%v in %q", err, out)
		}
	}
}

func TestFieldsOfRecordsAreComparedByTheirPath(t *testing.T) {
	record := func(fields string) string { return `{"type":"record","name":"n.R","fields":[` + fields + `]}` }
	const person = `{"type":"record","name":"P","fields":[{"name":"a","type":"string"},{"name":"next","type":["null","P"]}]}`
	before := record(`{"name":"x","type":["null",{"type":"array","items":` + person + `}]},{"name":"y","type":"n.P"}`)
	after := strings.Replace(before, `{"name":"a","type":"string"}`, `{"name":"b","type":"string","source":"a"}`, 1)
	want := []string{
		`field "x.a" goes: new rows have it no more`, `field "y.a" goes: new rows have it no more`,
		`field "x.b" comes, read from "a"`, `field "y.b" comes, read from "a"`,
	}
	if got := changedFields(before, after); !slices.Equal(got, want) {
		t.Errorf("got %q", got)
	}
	if got := changedFields(before, before); len(got) > 0 {
		t.Errorf("of the same it says %q", got)
	}
}

func TestAContractThatHashesNeedsAKey(t *testing.T) {
	w := newSchemaWorld(t)
	hashing := w.changed(priority, priority+`,"privacy":"hash"`)
	_, errs := w.run(ExitUsage, "check", "-c", w.config, "--contract", hashing)
	if !strings.Contains(errs, "privacy.key") || !strings.Contains(errs, "changed.avsc") {
		t.Errorf("printed %q", errs)
	}
	keyed := newSchemaWorld(t, "privacy: {key: 0123456789abcdef0123456789abcdef}")
	keyed.run(ExitDone, "check", "-c", keyed.config, "--contract", hashing)
}

func TestShowPrintsAContractWithoutANetwork(t *testing.T) {
	w := newSchemaWorld(t)
	w.registry.Intercept(func(http.ResponseWriter, *http.Request) bool {
		t.Error("the registry was asked")
		return false
	})
	for _, c := range []struct {
		args []string
		own  func(string) (*avro.Contract, error)
		of   string
	}{
		{[]string{"show"}, avro.Default, "reports"},
		{[]string{"show", "--dialect", "jobs"}, avro.Default, "jobs"},
		{[]string{"show", "--dialect", "jobs", "--route", "speech"}, avro.Speech, "jobs"},
		{[]string{"show", "-c", w.config}, avro.Default, "reports"},
		{[]string{"show", "-c", w.config, "--route", "speech"}, avro.Speech, "reports"},
	} {
		out, _ := w.run(ExitDone, c.args...)
		want, err := c.own(c.of)
		if err != nil {
			t.Fatal(err)
		}
		got, err := avro.Parse([]byte(out))
		if err != nil || got.Schema() != want.Schema() || strings.Count(out, "\n") < 20 {
			t.Errorf("%v: %v, %s", c.args, err, out)
		}
	}
	out, _ := w.run(ExitDone, "jsonschema", "-c", w.config)
	for _, want := range []string{"https://json-schema.org/draft/2020-12/schema", `"conversation.id"`, "\n  "} {
		if !strings.Contains(out, want) {
			t.Errorf("the JSON Schema %s does not hold %s", out, want)
		}
	}
}

func TestAnUnknownRouteOrDialectNamesThoseThereAre(t *testing.T) {
	w := newSchemaWorld(t)
	for _, c := range []struct {
		args []string
		want string
	}{
		{[]string{"show", "--route", "chat"}, "conversations, speech"},
		{[]string{"check", "-c", w.config, "--route", "chat"}, "conversations, speech"},
		{[]string{"check", "-c", w.config, "--route", "chat", "--contract", "x"}, "conversations, speech"},
		{[]string{"show", "--dialect", "chat"}, "reports or jobs"},
		{[]string{"show", "-c", w.config, "--dialect", "jobs"}, "--dialect"},
		{[]string{"check", "-c", newSchemaWorld(t, "routes: [{name: conversations, topic: t, contract: x}]").config}, "routes[0].name"},
	} {
		if _, errs := w.run(ExitUsage, c.args...); !strings.Contains(errs, c.want) {
			t.Errorf("%v: %q does not say %q", c.args, errs, c.want)
		}
	}
}
