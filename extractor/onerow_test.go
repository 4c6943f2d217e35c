package extractor

import (
	"strings"
	"testing"

	"convstream/internal/conv"
)

func TestARowReadByItselfIsTheOneThatItsPageHeld(t *testing.T) {
	s := NewSplitter(Envelope{Rows: "data", Next: "next"}, Keys{ConversationID: "conversation.id", Time: "timestamp", End: "end"})
	for _, text := range []string{
		`{"conversation.id":"c\u0031","timestamp":"2024-01-01T08:15:32.100Z","end":1704096932100}`,
		`{"conversation":{"id":7},"timestamp":"nonsense"}`,
		`"no object"`, `[1,2]`, `null`,
	} {
		var paged conv.Row
		page := strings.NewReader(`{"data":[` + text + `],"next":null}`)
		if err := s.Split(page, conv.Position{}, func(c conv.Chunk) error {
			for _, r := range c.Rows {
				paged = r
			}
			return nil
		}); err != nil {
			t.Fatal(err)
		}
		single, err := s.Row([]byte("\n" + text + " "))
		if err != nil {
			t.Fatalf("%s: %v", text, err)
		}
		if string(single.Raw) != text || string(single.ConversationID) != string(paged.ConversationID) || single.HasTime != paged.HasTime ||
			single.Time != paged.Time || single.HasEnd != paged.HasEnd || single.End != paged.End || len(single.Tokens) != len(paged.Tokens) {
			t.Errorf("by itself %+v\nin a page %+v", single, paged)
		}
		for i, tok := range single.Tokens {
			if string(single.Bytes(tok)) != string(paged.Bytes(paged.Tokens[i])) || tok.Kind != paged.Tokens[i].Kind {
				t.Errorf("%s: token %d differs", text, i)
			}
		}
	}
}

func TestWhatIsNotExactlyOneRowIsRefused(t *testing.T) {
	s := NewSplitter(Envelope{Rows: "data"}, Keys{})
	for _, text := range []string{``, ` `, `{`, `{"a":1},{"b":2}`, `1],"x":[2`, `{} x`, `{"a":}`} {
		if row, err := s.Row([]byte(text)); err == nil {
			t.Errorf("%q was read as %s", text, row.Raw)
		}
	}
}
