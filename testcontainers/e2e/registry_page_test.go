package e2e

import (
	"encoding/binary"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/twmb/franz-go/pkg/sr"

	"convstream/internal/simulator"
)

// The page is worked through from its top, as somebody would who runs the pipeline meanwhile: a half of the day is published
// before the change, and the other behind it. Ids are what the registry gives, and so are not those of the page.
func TestRealTheCommandsOfThePageOnSchemaChangesDoAsThePageSays(t *testing.T) {
	const rows = 2000
	f := simulator.Faults{PageRows: 500, Drift: flows(map[string]string{"attributes.custom.language": "added"})}
	w := newWorldOf(t, withRegistry(t), newPlatform(t, rows, f), settings{window: "step: 12h", speech: true})
	p := &page{world: w, ids: map[string]string{}}
	text := w.read(t, filepath.Join("..", "..", "docs", "schema-changes.md"))
	text = strings.NewReplacer("genesys.conversations", w.topics.Rows, "genesys.speech", w.name+".speech").Replace(text)
	edits := 0
	for _, block := range regexp.MustCompile("(?ms)^```(\\w+)\n(.*?)^```$").FindAllStringSubmatch(text, -1) {
		switch language, text := block[1], block[2]; language {
		case "sh":
			p.run(t, text)
		case "text":
			p.wantPrinted(t, text)
		case "yaml":
			w.append(t, "convstream.yaml", text)
		case "json":
			w.backfillUntil(t, noon)
			edits++
			w.addField(t, "contracts/next.avsc", text)
		default:
			t.Errorf("a block of %s, which this test does not know", language)
		}
	}
	if p.commands < 8 || edits != 1 {
		t.Fatalf("%d commands and %d edits were found", p.commands, edits)
	}
	w.backfillUntil(t, day.To)
	w.wantOnce(t, rows)
	w.wantIDs(t, p.ids)

	before := p.printed
	p.run(t, "convstream schema register -c convstream.yaml")
	if p.printed != before {
		t.Errorf("repeated, the command prints %q, and before it %q", p.printed, before)
	}
	p.run(t, `sed -i 's/Spoken language[.]/Language that is spoken./' contracts/conversations.avsc
		grep -q 'Language that is spoken' contracts/conversations.avsc
		convstream schema register -c convstream.yaml`)
	if p.printed != before {
		t.Errorf("with another doc, the command prints %q, and before it %q", p.printed, before)
	}
	p.run(t, `echo '{"type": "record"}' > contracts/broken.avsc
		convstream schema check -c convstream.yaml --contract contracts/broken.avsc  # exits 2
		CONVSTREAM_REGISTRY_COMPATIBILITY=NONE convstream schema check -c convstream.yaml --route speech --contract contracts/renamed.avsc
		convstream schema show > contracts/conversations.avsc
		convstream schema register -c convstream.yaml`)
	if want := "subject " + w.topics.Rows + "-value: id " + p.ids["1"] + ", version 1\n"; !strings.Contains(p.printed, want) {
		t.Errorf("going back prints %q, want %q", p.printed, want)
	}
}

// page is a page whose commands are run in the world's folder.
type page struct {
	*world
	commands int
	printed  string            // by the last block of commands
	ids      map[string]string // schema ids by those that the page has in their place
}

// run runs commands as they stand, one a line; "# exits N" behind one says that it does not exit 0.
func (p *page) run(t *testing.T, block string) {
	t.Helper()
	p.printed = ""
	for line := range strings.Lines(block) {
		p.commands++
		want := 0
		if _, note, found := strings.Cut(strings.TrimSpace(line), "# exits "); found {
			var err error
			if want, err = strconv.Atoi(note); err != nil {
				t.Fatal(err)
			}
		}
		command := exec.CommandContext(t.Context(), "/bin/sh", "-c", line)
		command.Dir = p.dir
		command.Env = append(os.Environ(), "PATH="+filepath.Dir(convstream)+string(os.PathListSeparator)+os.Getenv("PATH"))
		var said strings.Builder
		command.Stderr = &said
		out, err := command.Output()
		if command.ProcessState == nil {
			t.Fatal(err)
		}
		if code := command.ProcessState.ExitCode(); code != want {
			t.Fatalf("%s exits %d, want %d: %s%s", strings.TrimSpace(line), code, want, out, said.String())
		}
		p.printed += string(out)
	}
}

// wantPrinted fails the test unless the commands printed what the page says, but for ids: those have to be others where the
// page's are, and the same where they are the same.
func (p *page) wantPrinted(t *testing.T, want string) {
	t.Helper()
	number := regexp.MustCompile(`: id (\d+),`)
	got, said := number.FindAllStringSubmatch(p.printed, -1), number.FindAllStringSubmatch(want, -1)
	if number.ReplaceAllString(p.printed, ": id N,") != number.ReplaceAllString(want, ": id N,") {
		t.Errorf("printed %q\nthe page says %q", p.printed, want)
		return
	}
	for i := range said {
		if p.ids[said[i][1]] == "" {
			for there, here := range p.ids {
				if here == got[i][1] {
					t.Errorf("ids %s and %s of the page are both %s", there, said[i][1], here)
				}
			}
			p.ids[said[i][1]] = got[i][1]
		}
		if p.ids[said[i][1]] != got[i][1] {
			t.Errorf("id %s of the page is %s, and was %s", said[i][1], got[i][1], p.ids[said[i][1]])
		}
	}
}

// backfillUntil publishes the day up to an instant, with the configuration that stands in the folder.
func (w *world) backfillUntil(t *testing.T, to int64) {
	t.Helper()
	span := w.span
	w.span.To = to
	defer func() { w.span = span }()
	args := append([]string{"backfill", "-c", "convstream.yaml"}, w.interval()...)
	command := exec.CommandContext(t.Context(), convstream, args...)
	command.Dir = w.dir // where the configuration looks for its contract
	if out, err := command.CombinedOutput(); err != nil {
		t.Fatalf("backfill: %v\n%s", err, out)
	}
}

// wantIDs fails the test unless rows of before noon have the schema id of the page's first version, and others that of its second.
func (w *world) wantIDs(t *testing.T, ids map[string]string) {
	t.Helper()
	seen := map[string]int{}
	for _, r := range w.env.Committed(t, w.topics.Rows) {
		half := "before"
		if r.Timestamp.UnixMilli() >= noon {
			half = "behind"
		}
		seen[half+" "+strconv.FormatUint(uint64(binary.BigEndian.Uint32(r.Value[1:5])), 10)]++
	}
	if len(seen) != 2 || seen["before "+ids["1"]] == 0 || seen["behind "+ids["3"]] == 0 {
		t.Errorf("rows by half of the day and schema id: %v, want those of before noon by %s, and others by %s", seen, ids["1"], ids["3"])
	}
}

// The registry has a level of its own. What it would refuse is told before anything is written, whatever the program's level is.
func TestRealACheckForetellsWhatTheRegistryRefusesByItsOwnLevel(t *testing.T) {
	env := withRegistry(t)
	registry, err := sr.NewClient(sr.URLs(env.RegistryURL))
	if err != nil {
		t.Fatal(err)
	}
	loyalty := func(avroType string) string {
		return segment + `,{"name":"loyalty","type":["null","` + avroType + `"],"default":null,"source":"attributes.custom.loyalty"}`
	}
	platform := newPlatform(t, 1, simulator.Faults{})
	for level, passes := range map[sr.CompatibilityLevel]bool{
		sr.CompatNone: true, sr.CompatBackward: true, sr.CompatForward: true, sr.CompatFull: true,
		sr.CompatBackwardTransitive: false, sr.CompatForwardTransitive: false, sr.CompatFullTransitive: false,
	} {
		t.Run(level.String(), func(t *testing.T) {
			w := newWorldOf(t, env, platform, settings{speech: true})
			schema := func(code int, command string) string {
				p := start(t, convstream, w.config, "schema "+command)
				p.wantExit(t, code)
				return p.stdout.String()
			}
			for _, version := range []string{loyalty("string"), segment} {
				w.withContract(t, "NONE", segment, version)
				schema(0, "register")
			}
			holdTo(t, registry, w.topics.Rows+"-value", level)
			w.withContract(t, "NONE", segment, loyalty("long"))
			if passes {
				schema(0, "check")
				if out := schema(0, "register"); !strings.Contains(out, w.topics.Rows+"-value: id ") || !strings.Contains(out, ", version 3\n") {
					t.Errorf("register prints %q", out)
				}
				return
			}
			for _, command := range []string{"check", "register"} {
				if out := schema(1, command); !strings.Contains(out, "its own level, which is "+level.String()) {
					t.Errorf("%s does not name the registry's level %s: %s", command, level, out)
				}
			}
			if versions, err := registry.SubjectVersions(t.Context(), w.topics.Rows+"-value"); err != nil || len(versions) != 2 {
				t.Errorf("the registry has versions %v, %v; want the first two", versions, err)
			}
		})
	}
}

func (w *world) read(t *testing.T, file string) string {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func (w *world) write(t *testing.T, file, text string) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(w.dir, file), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

func (w *world) append(t *testing.T, file, text string) {
	t.Helper()
	w.write(t, file, w.read(t, filepath.Join(w.dir, file))+text)
}

// addField does to a contract what the page has its reader do with an editor.
func (w *world) addField(t *testing.T, file, field string) {
	t.Helper()
	var schema map[string]any
	if err := json.Unmarshal([]byte(w.read(t, filepath.Join(w.dir, file))), &schema); err != nil {
		t.Fatal(err)
	}
	schema["fields"] = append(schema["fields"].([]any), json.RawMessage(field))
	text, err := json.MarshalIndent(schema, "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	w.write(t, file, string(text))
}
