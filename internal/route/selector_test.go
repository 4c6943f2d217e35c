package route

import (
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"convstream/internal/conv"
)

const (
	flat = `{"interaction.id":"v-1","interaction.type":"voice","conversation.id":"c-1",
		"attributes.custom":{"case_priority":"high","tier.level":2},"metrics.queuetime.ms":12500,"vip":true,
		"huge":12345678901234567890,"big":9007199254740993,"price":1.5,"text\u002dkey":"caf\u00e9"}`
	nested = `{"conversationId":"c-2","participants":[
		{"purpose":"customer","sessions":[{"mediaType":"voice","ani":"tel:+49"}],"attributes":{"a.b":"x"}},
		{"purpose":"agent","sessions":[{"mediaType":"screenshare"},{"mediaType":"chat","requestedRoutings":["Standard","Bullseye"]}]}]}`
)

func mustCompile(t testing.TB, filter, key string) *Selector {
	t.Helper()
	s, err := Compile(filter, key)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestAFilterReadsFieldsByTheirSourcePaths(t *testing.T) {
	for _, c := range []struct {
		row, filter string
		want        bool
	}{
		{flat, `interaction.type == "voice"`, true},
		{flat, `interaction.type != "voice"`, false},
		{flat, `interaction?.type == "voice"`, true},
		{flat, `attributes.custom.case_priority in ["high", "urgent"]`, true},
		{flat, `attributes.custom["tier.level"] == 2 and attributes.custom.tier.level == 2`, true},
		{flat, `"case_priority" in attributes.custom and not ("other" in attributes.custom)`, true},
		{flat, `metrics.queuetime.ms > 5000`, true},
		{flat, `metrics.queuetime.ms / 1000 >= 12.5 && metrics.queuetime.ms % 1000 == 500`, true},
		{flat, `vip ? interaction.type startsWith "vo" : false`, true},
		{flat, `upper(interaction.type) matches "^V.*E$"`, true},
		{flat, `len(interaction.id) == 3 and interaction.id contains "-"`, true},
		{flat, `big == 9007199254740993 and big != 9007199254740992`, true},
		{flat, `-price < -1 and +price == 1.5`, true},
		{nested, Speech("jobs"), true},
		{nested, `any(participants, any(.sessions, .mediaType == "callback"))`, false},
		{nested, `any(participants, .purpose == "agent" and any(.sessions, "Bullseye" in .requestedRoutings))`, true},
		{nested, `participants[0].purpose == "customer" and participants[-1].purpose == "agent"`, true},
		{nested, `participants[0].attributes["a.b"] == "x"`, true},
		{nested, `count(participants, .purpose != "") == 2 and len(filter(participants, .purpose == "acd")) == 0`, true},
		{nested, `find(participants, .purpose == "agent").sessions[1].mediaType == "chat"`, true},
		{nested, `"agent" in map(participants, .purpose)`, true},
		{nested, `participants | all(.purpose in ["customer", "agent"])`, true},
		{nested, `map(participants, .purpose) == ["customer", "agent"]`, true},
	} {
		got, err := mustCompile(t, c.filter, "").Select(rowOf(t, c.row))
		if err != nil || got != c.want {
			t.Errorf("%s: got %v, %v", c.filter, got, err)
		}
	}
}

func TestAPathIsFoundInEverySpelling(t *testing.T) {
	s := mustCompile(t, `a.b.c == 1`, "")
	for row, want := range map[string]bool{
		`{"a.b.c":1}`:                          true,
		`{"a":{"b":{"c":1}}}`:                  true,
		`{"a.b":{"c":1}}`:                      true,
		`{"a":{"b.c":1}}`:                      true,
		`{"a\u002eb":{"\u0063":1}}`:            true,
		`{"a":{"b.c":1,"b":{"c":2}}}`:          false, // the last spelling
		`{"a":{"b":{"c":2},"b.c":1}}`:          true,
		`{"a.b.c":1,"a":{"b":{"c":2}}}`:        false,
		`{"a":{"b":{"c":1}},"a":{"x":1}}`:      false, // the last of equal keys, with all it holds
		`{"a":{"b":{"c":2}},"a":{"b.c":1}}`:    true,
		`{"a.b.c":2,"x":{"a.b.c":1}}`:          false,
		`{"a":"scalar"}`:                       false,
		`{"a":null,"a.b":7}`:                   false,
		`{"a":[{"b":{"c":1}}]}`:                false,
		`{"a":{"b":{"c":1}},"a.b":{"c":null}}`: false,
		`{}`:                                   false,
	} {
		if got, err := s.Select(rowOf(t, row)); err != nil || got != want {
			t.Errorf("%s: got %v, %v", row, got, err)
		}
	}
}

// What a row lacks is told once as drift; it does not make the row a dead letter of each route.
func TestR96_WhatARowLacksIsNoError(t *testing.T) {
	for filter, want := range map[string]bool{
		`absent == "x"`:                  false,
		`absent != "x"`:                  true,
		`absent == nil`:                  true,
		`interaction.type == nil`:        false,
		`absent.deeper > 5`:              false,
		`absent < 5`:                     false,
		`5 >= absent`:                    false,
		`not (absent < 5)`:               true,
		`absent + 1 > 0`:                 false,
		`absent contains "x"`:            false,
		`absent matches "x"`:             false,
		`"x" startsWith absent`:          false,
		`lower(absent) == "x"`:           false,
		`len(absent) == 0`:               true,
		`number(absent) == nil`:          true,
		`absent in ["x"]`:                false,
		`"x" in absent`:                  false,
		`any(absent, .x == 1)`:           false,
		`all(absent, .x == 1)`:           true,
		`count(absent, .x == 1) == 0`:    true,
		`absent[0].x == 1`:               false,
		`absent and vip`:                 false,
		`not absent`:                     true,
		`absent ? true : false`:          false,
		`(absent ?? "none") == "none"`:   true,
		`interaction.type.deeper == 1`:   false,
		`-absent == nil`:                 true,
		`vip ? nil : true`:               false,
		`any([1, 2], # > absent)`:        false,
		`attributes[absent] == nil`:      true,
		`string(absent) == nil`:          true,
		`vip and interaction.type != ""`: true,
	} {
		if got, err := mustCompile(t, filter, "").Select(rowOf(t, flat)); err != nil || got != want {
			t.Errorf("%s: got %v, %v", filter, got, err)
		}
	}
}

func TestR97_AValueThatChangesItsTypeKeepsItsRoute(t *testing.T) {
	for filter, rows := range map[string][]string{
		`p == 5`:            {`{"p":5}`, `{"p":"5"}`, `{"p":5.0}`, `{"p":"5e0"}`},
		`p == "5"`:          {`{"p":5}`, `{"p":"5"}`},
		`p > 4 and p < 6.5`: {`{"p":5}`, `{"p":"5"}`, `{"p":5.5}`},
		`p in ["4", "5"]`:   {`{"p":5}`, `{"p":"5"}`},
		`p in [4, 5]`:       {`{"p":5}`, `{"p":"5"}`},
		`p == true`:         {`{"p":true}`, `{"p":"true"}`},
		`p == "false"`:      {`{"p":false}`, `{"p":"false"}`},
		`p and true`:        {`{"p":true}`, `{"p":"true"}`},
		`p startsWith "5"`:  {`{"p":5}`, `{"p":"5x"}`},
	} {
		s := mustCompile(t, filter, "")
		for _, row := range rows {
			if got, err := s.Select(rowOf(t, row)); err != nil || !got {
				t.Errorf("%s on %s: got %v, %v", filter, row, got, err)
			}
		}
	}
	for filter, row := range map[string]string{
		`p == 5`: `{"p":" 5"}`, `p == 0`: `{"p":""}`, `p == 1`: `{"p":true}`, `p == 2`: `{"p":[2]}`, `p == "x"`: `{"p":{"x":1}}`, `p == 16`: `{"p":"0x10"}`,
	} {
		if got, err := mustCompile(t, filter, "").Select(rowOf(t, row)); err != nil || got {
			t.Errorf("%s on %s: got %v, %v", filter, row, got, err)
		}
	}
}

func TestAFilterThatHasNoMeaningForARowSaysSoWithoutItsValues(t *testing.T) {
	const secret = "tel:+4915112345678"
	row := rowOf(t, `{"s":"`+secret+`","o":{"s":"`+secret+`"},"n":4711471147114711,"a":[1],"b":true,"c":false}`)
	for filter, want := range map[string]string{
		`s > 5`:                    `filter: > has no meaning between a string and a number, in the filter, column 3`,
		`b < c`:                    `< has no meaning between a boolean and a boolean`,
		`s + n == 1`:               `+ has no meaning between a string and a number`,
		`n / (n - n) == 1`:         `division by zero`,
		`any(s, # == 1)`:           `a string stands where an array is needed`,
		`s and true`:               `a string stands where true or false is needed`,
		`"x" in s`:                 `in has no meaning for a string`,
		`o contains "x"`:           `an object stands where a string is needed`,
		`lower(a) == ""`:           `an array stands where a string is needed`,
		`len(o) == 1`:              `len has no meaning for an object`,
		`n[o] == 1`:                `an object is no index`,
		`-s == 1`:                  `- has no meaning for a string`,
		`number(o) == 1`:           `number has no meaning for an object`,
		`true ? s : s == "x"`:      ``,
		`(s ?? true) == s ? n : n`: ``,
	} {
		s, err := Compile(filter, "")
		if want == "" {
			if err == nil {
				t.Errorf("%s: it compiles", filter)
			}
			continue
		}
		if err != nil {
			t.Fatal(err)
		}
		keep, err := s.Select(row)
		if err == nil || keep || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: got %v, %v", filter, keep, err)
		}
		if err != nil && (strings.Contains(err.Error(), "49151") || strings.Contains(err.Error(), "4711") || strings.Contains(err.Error(), "\n")) {
			t.Errorf("%s: %v", filter, err)
		}
	}
}

func TestAKeyIsAStringOrANumber(t *testing.T) {
	row := rowOf(t, `{"s":"abc","n":5,"f":5.0,"d":0.25,"big":9007199254740993,"huge":12345678901234567890,"e":"","b":true,"o":{}}`)
	row.ConversationID = []byte("c-1")
	for key, want := range map[string]string{
		"": "c-1", "s": "abc", "n": "5", "f": "5", "d": "0.25", "big": "9007199254740993",
		`s + "/" + string(n)`: "abc/5", `b ? s : "x"`: "abc", `x ?? s`: "abc", `n * 2`: "10", `len(s)`: "3",
	} {
		if got, err := mustCompile(t, "", key).Key([]byte("k:"), row); err != nil || string(got) != "k:"+want {
			t.Errorf("%s: got %q, %v", key, got, err)
		}
	}
	for key, want := range map[string]string{
		"x": "it is nil", "huge": "too large", "e": "empty string", "b": "a boolean", "o": "an object",
	} {
		got, err := mustCompile(t, "", key).Key([]byte("k:"), row)
		if err == nil || !strings.Contains(err.Error(), want) || string(got) != "k:" {
			t.Errorf("%s: got %q, %v", key, got, err)
		}
	}
	if _, err := mustCompile(t, "", "").Key(nil, &conv.Row{}); err == nil {
		t.Error("a row without a conversation id has a key")
	}
}

func TestARowThatIsNoObjectHasNoVerdict(t *testing.T) {
	s := mustCompile(t, `a == 1`, `a`)
	for _, row := range []*conv.Row{{}, rowOf(t, `[1]`), rowOf(t, `"a"`)} {
		if keep, err := s.Select(row); err == nil || keep {
			t.Errorf("%s: got %v, %v", row.Raw, keep, err)
		}
		if _, err := s.Key(nil, row); err == nil {
			t.Errorf("%s has a key", row.Raw)
		}
	}
}

func TestWhatIsNoFilterOrKeyIsRefusedWithItsPlace(t *testing.T) {
	for filter, want := range map[string]string{
		`interaction.type = "voice"`:  `filter 'interaction.type = "voice"': unexpected token Operator("="), in the filter, column 18; write == to compare`,
		`interaction.type`:            "compare it",
		`"voice"`:                     "yields a string; it has to yield true or false",
		`1 + 2`:                       "yields a number",
		`[true]`:                      "yields an array",
		`nil`:                         "yields nil",
		`"a" < 5`:                     "mismatched types string and int",
		"a == 1 and\n\"a\" < 5":       `filter 'a == 1 and "a" < 5': invalid operation: < (mismatched types string and int), in the filter, line 2, column 5`,
		`now() > 5`:                   "there is no function now; there are all, any, none, one, filter, map, find, count, len, lower, upper, trim, number, string",
		`getenv("HOME") == "x"`:       "there is no function getenv",
		`a.b() == 1`:                  "a field is no function",
		`reduce(a, #acc + #, 0) == 1`: "#acc is not supported",
		`sum(a) > 1`:                  "there is no function sum",
		`let x = a; x == 1`:           "without let",
		`a == 1; b == 2`:              "without let and semicolons",
		`$env.a == 1`:                 "$env is not supported",
		`x == null`:                   "null would be read as a field; write nil, in the filter, column 6",
		`NULL != x`:                   "NULL would be read as a field; write nil",
		`any(a, # == None)`:           "None would be read as a field; write nil",
		`undefined == x`:              "undefined would be read as a field; write nil",
		`x == True`:                   "True would be read as a field; write true",
		`FALSE or x == 1`:             "FALSE would be read as a field; write false",
		`a in "voice"`:                "in has no meaning for a string; use an array, an object, or contains, in the filter, column 3",
		`"x" in "voice"`:              "in has no meaning for a string; use",
		`a in lower(b)`:               "in has no meaning for a string",
		`a in 5`:                      "in has no meaning for a number",
		`a in true`:                   "in has no meaning for a boolean",
		`a < true`:                    "mismatched types",
		`a - "x" == 1`:                "mismatched types",
		`a contains 5`:                "mismatched types",
		`5 matches "x"`:               "mismatched types",
		`a / 0 == 1`:                  "division by zero",
		`a % 0 == 1`:                  "division by zero",
		`a / 0.0 == 1`:                "division by zero",
		`a[true] == 1`:                "a boolean is no index; use a whole number or a string",
		`a[1.5] == 1`:                 "a number with a fraction is no index",
		`len(5) == 1`:                 "len has no meaning for a number",
		`number(true) == 1`:           "number has no meaning for a boolean",
		`lower([a]) == "x"`:           "an array stands where a string is needed",
		`a[1:2] == 1`:                 "not supported",
		`{"a": 1} == a`:               "not supported",
		`a in 1..1000000000`:          "the operator .. is not supported",
		`a ** 2 == 4`:                 "the operator ** is not supported",
		`a matches b`:                 "matches needs its pattern in quotes",
		`a matches "("`:               "missing closing",
		`any(a)`:                      "at least 2 arguments",
		`count(a) == 1`:               "count needs a condition",
		`any(a, #index == 1)`:         "#index is not supported",
		`len(a, b) == 1`:              "",
		`a == ` + strings.Repeat("a + ", 2000) + `1`: "exceeds maximum allowed nodes",
		`a == "` + "\x00": "",
	} {
		_, err := Compile(filter, "")
		if err == nil || !strings.HasPrefix(err.Error(), "filter '") || strings.Contains(err.Error(), "line 1") || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: got %v", filter, err)
		}
	}
	for _, key := range []string{`true`, `[a]`, `nil`, `a == 1`, `filter(a, true)`} {
		if _, err := Compile("", key); err == nil || !strings.HasPrefix(err.Error(), "key '"+key+"': ") || !strings.Contains(err.Error(), "a string or a number") {
			t.Errorf("%s: got %v", key, err)
		}
	}
	if _, err := Compile("a", "true"); err == nil || !strings.Contains(err.Error(), "; and key 'true': ") || strings.Contains(err.Error(), "\n") {
		t.Errorf("want both problems, got %v", err)
	}
}

func TestAnUnknownFunctionIsToldWhichThereAreAndNoOthers(t *testing.T) {
	want := strings.Join([]string{"all", "any", "none", "one", "filter", "map", "find", "count", "len", "lower", "upper", "trim", "number", "string"}, ", ")
	for _, filter := range []string{`lenght(a) > 1`, `a | nope() == 1`, `any(a, nope(.x))`, `a.nope(1) == 1`, `get(a, 1) == 1`, `a == now()`} {
		_, err := Compile(filter, "")
		if err == nil || !strings.Contains(err.Error(), "; there are "+want+", in the filter, column ") {
			t.Errorf("%s: got %v", filter, err)
		}
	}
}

func TestWhatOtherLanguagesWriteIsToldTheWayOut(t *testing.T) {
	for filter, want := range map[string]string{
		`a == 1 AND b == 2`:      "column 8; write and",
		`a == 1 Or b == 2`:       "write or",
		`a == 1 and (b OR c)`:    "write or",
		`NOT a == 1`:             "write not (…)",
		`NOT (a == 1)`:           "there is no function NOT; write not (…)",
		`AND(a == 1, b == 2)`:    "there is no function AND; write and",
		`a LIKE "x%"`:            "use == or contains",
		`a IN ["x"]`:             "write in",
		`a IS NOT nil`:           "write == nil or != nil",
		`a BETWEEN 1 and 2`:      "compare twice, as in a >= 1 and a <= 5",
		`a =< 5`:                 "write <=",
		`a => 5`:                 "write >=",
		`a <> 5`:                 "write !=",
		`a<>-5`:                  "write !=",
		`a =-5`:                  "write == to compare",
		`a === 5`:                "write ==",
		`a !== 5`:                "write !=",
		`a == 1 & b == 2`:        "write and",
		`a == 1 | b == 2`:        "write or",
		`a == 1 | b.c == 2`:      "write or",
		`(a == 1`:                "a ) is missing",
		`any(a, .x == ")"`:       "a ) is missing",
		`(a == 1 or b in ["x"`:   "a ] is missing",
		`a == 1)`:                "it closes nothing",
		`a == 1 and`:             "something is missing at its end",
		`a in ("x", "y")`:        `write an array as ["a", "b"]`,
		`a == "x`:                `a " is missing`,
		`a == "it's" or b == 'x`: "a ' is missing",
		`a == "it\"s`:            `a " is missing`,
		"a == `x":                "a ` is missing",
		`a == “voice”`:           `write quotes as " or '`,
	} {
		_, err := Compile(filter, "")
		if err == nil || !strings.HasSuffix(strings.TrimSuffix(err.Error(), ", in the filter, column 1"), want) {
			t.Errorf("%s: got %v, want the way out %q", filter, err, want)
		}
	}
	for _, filter := range []string{`x.null == 1`, `any(x, .None == 1)`, `a["True"] == 1`, `participants | any(.purpose == "agent")`} {
		if _, err := Compile(filter, ""); err != nil {
			t.Errorf("%s: %v", filter, err)
		}
	}
}

func TestALongExpressionIsQuotedByItsStart(t *testing.T) {
	_, err := Compile(`a = "`+strings.Repeat("x", 1000)+`"`, "")
	if err == nil || len(err.Error()) > 400 || !strings.Contains(err.Error(), "xxx…': ") {
		t.Errorf("got %v", err)
	}
}

func TestFieldsAreTheSourcePathsThatAreRead(t *testing.T) {
	for _, c := range []struct {
		filter, key string
		want        []string
	}{
		{"", "", nil},
		{Speech("reports"), "interaction.id", []string{"interaction.id", "interaction.type"}},
		{Speech("jobs"), "", []string{"participants.sessions.mediaType"}},
		{`a.b?.c == 1 or a.b["d"] > lower(e)`, "", []string{"a.b.c", "a.b.d", "e"}},
		{`len(filter(p, .x == q)) > 0 and find(p, true).y == 1 and p[i].z == 2`, "", []string{"i", "p.x", "p.y", "p.z", "q"}},
		{`1 in map(p, .s.t) and not (u in [v]) ? w == 1 : -z == 2`, "", []string{"p.s.t", "u", "v", "w", "z"}},
		{`any(p, # == 1)`, "", []string{"p"}},
		{`p != nil and p.x == 1`, "", []string{"p.x"}},
	} {
		if diff := cmp.Diff(c.want, mustCompile(t, c.filter, c.key).Fields()); diff != "" {
			t.Errorf("%s %s: %s", c.filter, c.key, diff)
		}
	}
}

func TestManyGoroutinesShareASelector(t *testing.T) {
	s := mustCompile(t, Speech("jobs")+` and count(participants, .purpose == "agent") == 1`, "conversationId")
	rows := []*conv.Row{rowOf(t, nested), rowOf(t, strings.ReplaceAll(nested, "voice", "email"))}
	var wg sync.WaitGroup
	for g := range 4 {
		wg.Go(func() {
			for i := range 200 {
				keep, err := s.Select(rows[(g+i)%2])
				if err != nil || keep != ((g+i)%2 == 0) {
					t.Errorf("row %d: got %v, %v", (g+i)%2, keep, err)
				}
			}
		})
	}
	wg.Wait()
}

func TestFieldsBelongToTheCaller(t *testing.T) {
	s := mustCompile(t, `a == 1 and b == 1`, "")
	s.Fields()[0] = "x"
	if !slices.Equal(s.Fields(), []string{"a", "b"}) {
		t.Errorf("got %v", s.Fields())
	}
}

func BenchmarkSelect(b *testing.B) {
	for _, c := range []struct{ name, filter, row string }{
		{"reports", Speech("reports"), flat},
		{"jobs", Speech("jobs"), nested},
		{"computed", `metrics.queuetime.ms / 1000 > 5 and attributes.custom.case_priority in ["high", "urgent"]`, flat},
	} {
		b.Run(c.name, func(b *testing.B) {
			s, row := mustCompile(b, c.filter, ""), rowOf(b, c.row)
			b.ReportAllocs()
			for b.Loop() {
				if _, err := s.Select(row); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
