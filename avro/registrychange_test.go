package avro

import (
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"

	"github.com/twmb/franz-go/pkg/sr"
	"github.com/twmb/franz-go/pkg/sr/srfake"
)

// rowContract is the contract of a record with the fields given as JSON.
func rowContract(t testing.TB, fields ...string) *Contract {
	t.Helper()
	c, err := Parse([]byte(rowSchema(fields...)))
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// must is a field that every row has.
func must(name, avroType string) string {
	return fmt.Sprintf(`{"name":%q,"type":%s,"required":true}`, name, avroType)
}

const key = `{"name":"id","type":"string","required":true}`

// after is a registry whose subject has the contracts as its versions, and the number of
// writes that it has seen since.
func after(t testing.TB, contracts ...*Contract) (cl *sr.Client, writes func() int) {
	t.Helper()
	r := srfake.NewRegistry()
	for _, c := range contracts {
		if _, _, err := r.RegisterSchema(subject, c.registered()); err != nil {
			t.Fatal(err)
		}
	}
	n := 0
	r.Intercept(func(_ http.ResponseWriter, req *http.Request) bool {
		if req.Method != http.MethodGet && strings.HasPrefix(req.URL.Path, "/subjects/") && strings.HasSuffix(req.URL.Path, "/versions") {
			n++
		}
		return false
	})
	return directTo(t, direct{r.Handler()}), func() int { return n }
}

func TestR105_ACompatibleChangeIsRegisteredAsANewVersion(t *testing.T) {
	cl, writes := after(t, rowContract(t, key))
	changed := rowContract(t, key, orNull("n", `"long"`))
	verdict, err := Check(t.Context(), cl, subject, changed, level(t, "BACKWARD"))
	if err != nil || !verdict.Compatible() || verdict.Known() || !slices.Equal(verdict.Versions, []int{1}) || writes() != 0 {
		t.Fatalf("before: %+v, %v, %d writes", verdict, err, writes())
	}
	id, err := Register(t.Context(), cl, subject, changed, level(t, "BACKWARD"))
	if err != nil || writes() != 1 {
		t.Fatalf("%v, %d writes", err, writes())
	}
	verdict, err = Check(t.Context(), cl, subject, changed, level(t, "BACKWARD"))
	if err != nil || !verdict.Known() || verdict.Version != 2 || verdict.ID != int(id) {
		t.Errorf("after: %+v, %v", verdict, err)
	}
}

func TestR105_ABreakingChangeIsRefusedBeforeAnythingIsWritten(t *testing.T) {
	cl, writes := after(t, rowContract(t, key, must("a", `"string"`), orNull("b", `"long"`)))
	broken := rowContract(t, key, must("a", `"long"`), orNull("b", `"string"`))
	_, err := Register(t.Context(), cl, subject, broken, level(t, "BACKWARD"))
	var incompatible *IncompatibleError
	if !errors.As(err, &incompatible) || len(incompatible.Found) != 2 {
		t.Fatalf("got %v", err)
	}
	lines := strings.Split(err.Error(), "\n")
	if len(lines) != 2 {
		t.Errorf("%d lines: %q", len(lines), lines)
	}
	for i, field := range []string{`"a"`, `"b"`} {
		for _, want := range []string{field, subject, "BACKWARD", "version 1", "keep the type"} {
			if !strings.Contains(lines[i], want) {
				t.Errorf("%q does not say %q", lines[i], want)
			}
		}
	}
	if writes() != 0 {
		t.Errorf("%d writes", writes())
	}
	verdict, err := Check(t.Context(), cl, subject, broken, level(t, "BACKWARD"))
	if err != nil || verdict.Compatible() || len(verdict.Incompatible) != 2 {
		t.Errorf("Check says %+v, %v", verdict, err)
	}
	if _, err := Register(t.Context(), cl, subject, broken, level(t, "NONE")); err != nil {
		t.Errorf("at NONE: %v", err)
	}
}

func TestR105_OlderVersionsAreReadForTransitiveLevelsOnly(t *testing.T) {
	first, second := rowContract(t, key, orNull("n", `"string"`)), rowContract(t, key)
	third := rowContract(t, key, orNull("n", `"long"`))
	cl, _ := after(t, first, second)
	verdict, err := Check(t.Context(), cl, subject, third, level(t, "BACKWARD"))
	if err != nil || !verdict.Compatible() || !slices.Equal(verdict.Versions, []int{2}) {
		t.Errorf("BACKWARD: %+v, %v", verdict, err)
	}
	verdict, err = Check(t.Context(), cl, subject, third, level(t, "BACKWARD_TRANSITIVE"))
	if err != nil || len(verdict.Incompatible) != 1 || verdict.Incompatible[0].Version != 1 || !slices.Equal(verdict.Versions, []int{1, 2}) {
		t.Errorf("BACKWARD_TRANSITIVE: %+v, %v", verdict, err)
	}
	// An older version that comes again is no change.
	if id, err := Register(t.Context(), cl, subject, first, level(t, "FULL_TRANSITIVE")); err != nil || id == 0 {
		t.Errorf("the first again: id %d, %v", id, err)
	}
}

// Consumers of the topic have read the newer contract since.
func TestR107_GoingBackToAnOlderVersionIsAChangeAsWell(t *testing.T) {
	one, two := rowContract(t, key), rowContract(t, key, orNull("n", `"long"`))
	three := rowContract(t, key, orNull("n", `"long"`), must("m", `"long"`))
	for _, test := range []struct {
		level Level
		c     *Contract
		known int
		with  []int // versions that it breaks with
	}{
		{level(t, "BACKWARD").Stable(), one, 1, []int{3}},
		{level(t, "FULL_TRANSITIVE").Stable(), one, 1, []int{2, 3}},
		{level(t, "FORWARD"), one, 1, []int{3}},
		{level(t, "FORWARD"), two, 2, []int{3}},
		{level(t, "BACKWARD"), one, 1, nil},
		{level(t, "NONE"), one, 1, nil},
		{level(t, "FULL_TRANSITIVE").Stable(), three, 3, nil}, // the newest is no change, whatever was before
	} {
		cl, writes := after(t, one, two, three)
		verdict, err := Check(t.Context(), cl, subject, test.c, test.level)
		var with []int
		for _, i := range verdict.Incompatible {
			with = append(with, i.Version)
		}
		with = slices.Compact(with)
		if err != nil || verdict.Version != test.known || !slices.Equal(with, test.with) || verdict.Compatible() != (test.with == nil) {
			t.Errorf("version %d at %s: %+v, %v", test.known, test.level, verdict, err)
		}
		id, err := Register(t.Context(), cl, subject, test.c, test.level)
		var incompatible *IncompatibleError
		if test.with == nil && (err != nil || int(id) != verdict.ID) || test.with != nil && !errors.As(err, &incompatible) {
			t.Errorf("version %d at %s: registered as %d, want %d, %v", test.known, test.level, id, verdict.ID, err)
		}
		if writes() != 0 {
			t.Errorf("version %d at %s: %d writes", test.known, test.level, writes())
		}
	}
}

func TestVersionsAreComparedFromTheOldest(t *testing.T) {
	r := srfake.NewRegistry()
	for _, c := range []*Contract{rowContract(t, key), rowContract(t, key, orNull("n", `"long"`))} {
		if _, _, err := r.RegisterSchema(subject, c.registered()); err != nil {
			t.Fatal(err)
		}
	}
	r.Intercept(func(w http.ResponseWriter, req *http.Request) bool {
		listed := req.Method == http.MethodGet && strings.HasSuffix(req.URL.Path, "/versions")
		if listed {
			w.Write([]byte(`[2,1]`))
		}
		return listed
	})
	verdict, err := Check(t.Context(), directTo(t, direct{r.Handler()}), subject, rowContract(t, key, orNull("m", `"long"`)), level(t, "FULL_TRANSITIVE"))
	if err != nil || !slices.Equal(verdict.Versions, []int{1, 2}) {
		t.Errorf("%+v, %v", verdict, err)
	}
}

func TestR105_TheRegistrysOwnRefusalIsTold(t *testing.T) {
	r := srfake.NewRegistry()
	if _, _, err := r.RegisterSchema(subject, rowContract(t, key).registered()); err != nil {
		t.Fatal(err)
	}
	answers := `{"is_compatible":false,"messages":["READER_FIELD_MISSING"]}`
	r.Intercept(func(w http.ResponseWriter, req *http.Request) bool {
		if !strings.HasPrefix(req.URL.Path, "/compatibility/") {
			return false
		}
		w.Write([]byte(answers))
		return true
	})
	changed := rowContract(t, key, orNull("n", `"long"`))
	for answer, want := range map[string]string{answers: "READER_FIELD_MISSING", `{"is_compatible":false}`: "its own level, which is BACKWARD"} {
		answers = answer
		verdict, err := Check(t.Context(), directTo(t, direct{r.Handler()}), subject, changed, level(t, "BACKWARD"))
		if err != nil || verdict.Compatible() || len(verdict.Refused) != 1 || !strings.Contains(verdict.Refused[0], want) {
			t.Errorf("%s: %+v, %v", answer, verdict, err)
		}
	}
}

// What is asked is what a registry of a transitive level, or of another, looks at when it registers.
func TestR105_TheRegistryIsAskedAboutTheVersionsThatItsOwnLevelLooksAt(t *testing.T) {
	for name, c := range map[string]struct {
		level  sr.CompatibilityLevel // of the registry; 0 may not be read
		legacy bool                  // it cannot compare with all versions
		want   []string
	}{
		"the newest":                  {sr.CompatFull, false, []string{"latest"}},
		"all":                         {sr.CompatFullTransitive, false, []string{"versions"}},
		"all, which it does not know": {sr.CompatBackwardTransitive, true, []string{"versions", "latest"}},
		"a level that is kept secret": {0, false, []string{"latest"}},
	} {
		t.Run(name, func(t *testing.T) {
			r := srfake.NewRegistry(srfake.WithGlobalCompat(c.level))
			if _, _, err := r.RegisterSchema(subject, rowContract(t, key).registered()); err != nil {
				t.Fatal(err)
			}
			var asked []string
			r.Intercept(func(w http.ResponseWriter, req *http.Request) bool {
				_, about, compares := strings.Cut(req.URL.Path, "/compatibility/subjects/"+subject+"/")
				secret := c.level == 0 && strings.HasPrefix(req.URL.Path, "/config/")
				switch {
				case secret:
					w.WriteHeader(http.StatusForbidden)
				case compares:
					asked = append(asked, about[strings.LastIndexByte(about, '/')+1:])
					if about == "versions" && c.legacy {
						w.WriteHeader(http.StatusMethodNotAllowed)
					}
					w.Write([]byte(`{"is_compatible":false}`))
				}
				return secret || compares
			})
			verdict, err := Check(t.Context(), directTo(t, direct{r.Handler()}), subject, rowContract(t, key, orNull("n", `"long"`)), level(t, "BACKWARD"))
			if err != nil || len(verdict.Refused) != 1 || !strings.Contains(verdict.Refused[0], c.level.String()) || !slices.Equal(asked, c.want) {
				t.Errorf("it was asked about %v, want %v; %+v, %v", asked, c.want, verdict, err)
			}
		})
	}
}

func TestR105_ALevelThatIsNotToldForAMomentIsAskedForAgain(t *testing.T) {
	for name, fails := range map[string]func(http.ResponseWriter){
		"busy":      func(w http.ResponseWriter) { w.WriteHeader(http.StatusTooManyRequests) },
		"down":      func(w http.ResponseWriter) { w.WriteHeader(http.StatusServiceUnavailable) },
		"not there": nil,
	} {
		synctest.Test(t, func(t *testing.T) {
			r := srfake.NewRegistry(srfake.WithGlobalCompat(sr.CompatFullTransitive))
			if _, _, err := r.RegisterSchema(subject, rowContract(t, key).registered()); err != nil {
				t.Fatal(err)
			}
			r.Intercept(func(w http.ResponseWriter, req *http.Request) bool {
				compares := strings.HasPrefix(req.URL.Path, "/compatibility/")
				if compares { // with an older version than the newest it breaks
					fmt.Fprintf(w, `{"is_compatible":%t}`, strings.HasSuffix(req.URL.Path, "/latest"))
				}
				return compares
			})
			asked := 0
			failing := roundTrip(func(req *http.Request) (*http.Response, error) {
				if strings.HasPrefix(req.URL.Path, "/config/") {
					if asked++; asked == 1 && fails == nil {
						return nil, syscall.ECONNREFUSED
					} else if asked == 1 {
						answer := httptest.NewRecorder()
						fails(answer)
						return answer.Result(), nil
					}
				}
				return direct{r.Handler()}.RoundTrip(req)
			})
			verdict, err := Check(t.Context(), directTo(t, failing), subject, rowContract(t, key, orNull("n", `"long"`)), level(t, "BACKWARD"))
			if err != nil || verdict.Compatible() || asked != 2 {
				t.Errorf("%s: asked %d times for the level: %+v, %v", name, asked, verdict, err)
			}
		})
	}
}

// A level that only the registry knows does not pass.
func TestALevelOfAnUnknownNameIsNotWaitedFor(t *testing.T) {
	r := srfake.NewRegistry()
	if _, _, err := r.RegisterSchema(subject, rowContract(t, key).registered()); err != nil {
		t.Fatal(err)
	}
	asked := 0
	r.Intercept(func(w http.ResponseWriter, req *http.Request) bool {
		tells := strings.HasPrefix(req.URL.Path, "/config/")
		if tells {
			asked++
			w.Write([]byte(`{"compatibilityLevel":"SIDEWAYS"}`))
		}
		return tells
	})
	verdict, err := Check(t.Context(), directTo(t, direct{r.Handler()}), subject, rowContract(t, key, orNull("n", `"long"`)), level(t, "BACKWARD"))
	if err != nil || !verdict.Compatible() || asked != 1 {
		t.Errorf("asked %d times for the level: %+v, %v", asked, verdict, err)
	}
}

// Where our own comparison has refused the contract, or nothing is compared when it is
// registered, an answer without reasons says nothing.
func TestARefusalWithoutReasonsIsNotToldBesideOurOwnNorAtNone(t *testing.T) {
	for name, c := range map[string]struct {
		own     sr.CompatibilityLevel
		changed *Contract
		refused bool
	}{
		"ours refuses":          {sr.CompatBackward, rowContract(t, key, `{"name":"n","type":"long","required":true}`), false},
		"ours refuses, at NONE": {sr.CompatNone, rowContract(t, key, `{"name":"n","type":"long","required":true}`), false},
		"at NONE":               {sr.CompatNone, rowContract(t, key, orNull("n", `"long"`)), false},
		"the registry alone":    {sr.CompatBackward, rowContract(t, key, orNull("n", `"long"`)), true},
	} {
		r := srfake.NewRegistry(srfake.WithGlobalCompat(c.own))
		if _, _, err := r.RegisterSchema(subject, rowContract(t, key).registered()); err != nil {
			t.Fatal(err)
		}
		r.Intercept(func(w http.ResponseWriter, req *http.Request) bool {
			compares := strings.HasPrefix(req.URL.Path, "/compatibility/")
			if compares {
				w.Write([]byte(`{"is_compatible":false}`))
			}
			return compares
		})
		verdict, err := Check(t.Context(), directTo(t, direct{r.Handler()}), subject, c.changed, level(t, "BACKWARD"))
		if ours := strings.HasPrefix(name, "ours"); err != nil || (len(verdict.Incompatible) > 0) != ours || (len(verdict.Refused) > 0) != c.refused {
			t.Errorf("%s: %+v, %v", name, verdict, err)
		}
	}
}

func TestVersionsThatCannotBeComparedAreNamed(t *testing.T) {
	for name, c := range map[string]struct {
		schema sr.Schema
		want   string
	}{
		"another language":    {sr.Schema{Schema: `{}`, Type: sr.TypeJSON}, "version 1 is JSON"},
		"types of elsewhere":  {sr.Schema{Schema: `"acme.Other"`, References: []sr.SchemaReference{{Name: "acme.Other", Subject: "other", Version: 1}}}, "other subjects"},
		"a type of no schema": {sr.Schema{Schema: `"acme.Other"`}, `version 1: it is no Avro: the type "acme.Other"`},
	} {
		t.Run(name, func(t *testing.T) {
			r := srfake.NewRegistry()
			r.SeedSchema("other", 1, 1, sr.Schema{Schema: `{"type":"fixed","name":"acme.Other","size":1}`})
			r.SeedSchema(subject, 1, 2, c.schema)
			_, err := Register(t.Context(), directTo(t, direct{r.Handler()}), subject, rowContract(t, key), level(t, "BACKWARD"))
			if err == nil || !strings.Contains(err.Error(), c.want) || !strings.Contains(err.Error(), subject) {
				t.Errorf("got %v; want %q", err, c.want)
			}
		})
	}
}

func TestR107_ASpeechFieldThatGoesOrChangesIsRefused(t *testing.T) {
	for _, dialect := range []string{"reports", "jobs"} {
		speech, err := Speech(dialect)
		if err != nil {
			t.Fatal(err)
		}
		cl, _ := after(t, speech)
		for name, change := range map[string][2]string{
			"renamed": {`"name":"attributes_custom_case_priority"`, `"name":"priority"`},
			"retyped": {`"name":"attributes_custom_case_priority","type":["null","string"]`, `"name":"attributes_custom_case_priority","type":["null","long"]`},
		} {
			if dialect == "jobs" {
				for i := range change {
					change[i] = strings.Replace(change[i], "attributes_custom_case_priority", "originatingDirection", 1)
				}
			}
			changed := strings.Replace(speech.Schema(), change[0], change[1], 1)
			if changed == speech.Schema() {
				t.Errorf("%s: no field %s", dialect, change[0])
				continue
			}
			c, err := Parse([]byte(changed))
			if err != nil {
				t.Fatal(err)
			}
			_, err = Register(t.Context(), cl, subject, c, level(t, "BACKWARD").Stable())
			var incompatible *IncompatibleError
			if !errors.As(err, &incompatible) {
				t.Errorf("%s %s: %v", dialect, name, err)
			}
		}
	}
}
