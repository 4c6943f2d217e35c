package avro

import (
	"encoding/json"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"convstream/internal/conv"
)

// blocks are the fenced blocks of a page that say in JSON what they are.
func blocks(t *testing.T, page string) (kinds, texts []string) {
	t.Helper()
	for _, block := range strings.Split(page, "```json ")[1:] {
		kind, rest, _ := strings.Cut(block, "\n")
		text, _, closed := strings.Cut(rest, "```")
		if !closed || !json.Valid([]byte(text)) {
			t.Fatalf("block %s: no JSON: %s", kind, text)
		}
		kinds, texts = append(kinds, kind), append(texts, text)
	}
	return kinds, texts
}

func asAny(t *testing.T, text string) (v any) {
	t.Helper()
	if err := json.Unmarshal([]byte(text), &v); err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	return v
}

func TestThePageOnContractsSaysWhatHappens(t *testing.T) {
	page, err := os.ReadFile("../docs/contract.md")
	if err != nil {
		t.Fatal(err)
	}
	kinds, texts := blocks(t, string(page))
	count := map[string]int{}
	var c *Contract
	var row string
	for i, text := range texts {
		count[kinds[i]]++
		switch kinds[i] {
		case "contract":
			if c, err = Parse([]byte(text)); err != nil {
				t.Fatalf("%v: %s", err, text)
			}
			c = c.WithKey([]byte("a secret of yours"))
		case "row":
			row = text
		case "published":
			if diff := cmp.Diff(asAny(t, text), asAny(t, decodeRow(t, c, row))); diff != "" {
				t.Errorf("%s: %s", row, diff)
			}
		case "drift":
			var want []conv.Deviation
			if err := json.Unmarshal([]byte(text), &want); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(want, driftOf(t, c, row)); diff != "" {
				t.Errorf("%s: %s", row, diff)
			}
		case "reject":
			var want conv.Reject
			if err := json.Unmarshal([]byte(text), &want); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(&want, factsOf(t, c, row).Reject); diff != "" {
				t.Errorf("%s: %s", row, diff)
			}
		case "redacted":
			if diff := cmp.Diff(asAny(t, text), asAny(t, redacted(t, NewRedactor(c), row))); diff != "" {
				t.Errorf("%s: %s", row, diff)
			}
		default:
			t.Errorf("a block is %q, which this test does not know", kinds[i])
		}
	}
	want := map[string]int{"contract": 6, "row": 8, "published": 7, "drift": 3, "reject": 1, "redacted": 1}
	if diff := cmp.Diff(want, count, cmpopts.EquateEmpty()); diff != "" {
		t.Error(diff)
	}
}

func TestThePageOnContractsNamesAllThatIsMaskedAndAllOfSpeech(t *testing.T) {
	page, err := os.ReadFile("../docs/contract.md")
	if err != nil {
		t.Fatal(err)
	}
	_, masked, _ := strings.Cut(string(page), "contract for dialect `jobs` masks")
	masked, speech, _ := strings.Cut(masked, "## The speech contracts")
	for _, path := range personal {
		if name := path[strings.LastIndexByte(path, '.')+1:]; !strings.Contains(masked, "`"+name+"`") {
			t.Errorf("%s is masked and not named", name)
		}
	}
	for _, lines := range speechFields {
		for _, line := range lines {
			path, typ, _ := strings.Cut(line, " ")
			if name := path[strings.LastIndexByte(path, '.')+1:]; !strings.Contains(typ, "record") && !strings.Contains(speech, name+"`") {
				t.Errorf("%s is in a speech contract and not named", name)
			}
		}
	}
}
