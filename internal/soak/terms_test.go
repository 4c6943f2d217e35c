package soak

import (
	"encoding/json"
	"math/rand/v2"
	"strings"
	"testing"

	"convstream/avro"
	"convstream/extractor/genesys"
)

// terms are the contracts of a time, as they depart from the default ones. The zero value is
// the default ones.
type terms struct {
	primary, speech demand
	gained          string // source of a nullable field that the primary contract has beside the others
}

// demand is stricter than a default contract: rows have to have the field. The zero value is none.
type demand struct {
	source string // of the first field of that name
	avro   string // its type, as JSON; "" is as it was
}

// work is what a process does.
type work uint8

const (
	backfill work = iota
	reread        // a backfill that reads all windows again
	redrive
)

// life is one process.
type life struct {
	work  work
	terms int    // which of the scenario's
	limit int64  // most letters of a redrive, 0 for all
	death *crash // nil where it ends by itself
}

// demands are those of which some rows of the simulator fall short, or all of them. What other
// rows publish under them is what they publish without.
var demands = map[string]struct{ primary, speech []demand }{
	genesys.DialectReports: {
		primary: []demand{
			{source: "attributes.custom.customer_segment"}, {source: "attributes.custom.case_priority"}, {source: "metrics.queuetime.ms"},
			{"metrics.handledtime.ms", `"boolean"`},
			{"interaction.type", `{"type": "enum", "name": "Medium", "symbols": ["voice", "email", "chat"]}`},
		},
		speech: []demand{{source: "attributes.custom.customer_segment"}, {source: "attributes.custom.case_priority"}},
	},
	genesys.DialectJobs: {
		primary: []demand{
			{source: "externalTag"}, {source: "mediaStatsMinConversationMos"}, {source: "selfServed"}, {source: "wrapUpCode"},
			{"conversationInitiator", `{"type": "enum", "name": "Initiator", "symbols": ["customer"]}`},
		},
		speech: []demand{{source: "recording"}, {source: "wrapUpCode"}, {source: "endingLanguage"}},
	},
}

// drawTerms draws contracts that are mended, or gain a field, and what is done before and after.
func (s *scenario) drawTerms(rng *rand.Rand) {
	s.terms = []terms{{}}
	if rng.IntN(5) < 2 {
		choice := demands[s.dialect]
		strict := terms{primary: pick(rng, choice.primary...), speech: pick(rng, choice.speech...)}
		switch rng.IntN(3) {
		case 0:
			strict.primary = demand{}
		case 1:
			strict.speech = demand{}
		}
		if strict.primary.source == "interaction.type" {
			strict.speech = strict.primary // it has the field too, and would take more of it
		}
		s.terms = []terms{strict, {}}
		switch rng.IntN(4) {
		case 0, 1:
			s.lives = append(s.lives, life{}) // it may get as far as it can before anything is mended
		case 2:
			s.config.Bytes = 2000 // it dies in the middle of a page
			s.lives = []life{{death: &crash{write: 40 + rng.IntN(200), after: rng.IntN(2) == 0}}, {terms: 1}}
		}
		if rng.IntN(2) == 0 {
			s.platform.Faults.PageRows = 1 + rng.IntN(15) // more edges of pages
		}
	}
	if rng.IntN(4) == 0 {
		gained := "tier" // no row has it
		if s.terms[0].speech == (demand{}) && rng.IntN(2) == 0 {
			gained = "mood" // rows may have it from some time on
		}
		if s.dialect == genesys.DialectReports {
			gained = "attributes.custom." + gained
		}
		s.terms = append(s.terms, terms{gained: gained})
	}
	s.early = rng.IntN(2) == 0
	if len(s.terms) == 1 {
		return
	}
	at := 0
	for range 1 + rng.IntN(3) {
		l := life{work: pick(rng, backfill, redrive, redrive, reread), limit: pick(rng, 0, 0, 1+rng.Int64N(50))}
		if at == 0 || rng.IntN(2) == 0 {
			at = min(at+1, len(s.terms)-1)
		}
		l.terms = at
		if rng.IntN(3) > 0 {
			l.death = drawCrash(rng)
			if l.work == redrive && l.death.signal > 0 {
				l.death.signal /= 1000 // it takes no longer
			} else if l.work == redrive {
				l.death.write /= 3
			}
		}
		s.lives = append(s.lives, l)
	}
}

// redrives says whether the scenario has letters that a redrive may be about.
func (s *scenario) redrives() bool { return len(s.terms) > 1 || s.platform.Faults.Keyless > 0 }

// agree takes the contracts over.
func (st *stage) agree(t *testing.T, at terms) {
	t.Helper()
	primary, err := avro.Default(st.dialect)
	if err != nil {
		t.Fatal(err)
	}
	speech, err := avro.Speech(st.dialect)
	if err != nil {
		t.Fatal(err)
	}
	primary, speech = demanding(t, primary, at.primary), demanding(t, speech, at.speech)
	if at.gained != "" {
		primary = withField(t, primary.Schema(), `{"name":"gained","type":["null","string"],"default":null,"source":"`+at.gained+`"}`)
	}
	st.adopt(t, primary, speech)
}

// demanding is a contract with the demand.
func demanding(t *testing.T, contract *avro.Contract, d demand) *avro.Contract {
	t.Helper()
	if d == (demand{}) {
		return contract
	}
	var schema any
	if err := json.Unmarshal([]byte(contract.Schema()), &schema); err != nil {
		t.Fatal(err)
	}
	field := fieldOf(schema, strings.ReplaceAll(d.source, ".", "_"))
	if field == nil {
		t.Fatalf("no field is read from %s", d.source)
	}
	delete(field, "optional")
	field["required"] = true
	if d.avro != "" {
		delete(field, "default")
		field["type"] = json.RawMessage(d.avro)
	}
	avsc, _ := json.Marshal(schema)
	demanding, err := avro.Parse(avsc)
	if err != nil {
		t.Fatalf("demand %+v: %v", d, err)
	}
	return demanding
}

// fieldOf finds the first field of the name in a schema.
func fieldOf(schema any, name string) map[string]any {
	switch s := schema.(type) {
	case []any:
		for _, branch := range s {
			if f := fieldOf(branch, name); f != nil {
				return f
			}
		}
	case map[string]any:
		fields, _ := s["fields"].([]any)
		for _, f := range fields {
			if field := asMap(f); field["name"] == name {
				return field
			} else if inner := fieldOf(field["type"], name); inner != nil {
				return inner
			}
		}
		if s["items"] != nil {
			return fieldOf(s["items"], name)
		}
		if inner, nested := s["type"].(map[string]any); nested {
			return fieldOf(inner, name)
		}
	}
	return nil
}

// withField is a schema with one more field behind the others.
func withField(t *testing.T, schema, field string) *avro.Contract {
	t.Helper()
	var record map[string]json.RawMessage
	var fields []json.RawMessage
	if err := json.Unmarshal([]byte(schema), &record); err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(record["fields"], &fields); err != nil {
		t.Fatal(err)
	}
	record["fields"], _ = json.Marshal(append(fields, json.RawMessage(field)))
	avsc, _ := json.Marshal(record)
	contract, err := avro.Parse(avsc)
	if err != nil {
		t.Fatal(err)
	}
	return contract
}
