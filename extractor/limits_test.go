package extractor

import (
	"crypto/sha256"
	"errors"
	"strings"
	"testing"

	"convstream/internal/conv"
)

// A row that cannot be kept is told of, and the rows around it are read.
func TestR71_ARowOfTooManyTokensOrTooDeepDoesNotBreakItsPage(t *testing.T) {
	for name, row := range map[string]string{
		"tokens": "[" + strings.Repeat("0,", maxTokens) + "0]",
		"deep":   strings.Repeat("[", maxDepth+10) + strings.Repeat("]", maxDepth+10),
	} {
		page := `{"data":[{"a":1},` + row + `,{"b":2}],"nextPageToken":null}`
		got, err := splitAll(newSplitter(), strings.NewReader(page), conv.Position{})
		if err != nil || len(got.Rows) != 3 {
			t.Fatalf("%s: %d rows, %v; want 3", name, len(got.Rows), err)
		}
		large := got.Rows[1]
		if large.Length != int64(len(row)) || large.Digest != sha256.Sum256([]byte(row)) || len(large.Tokens) != 0 {
			t.Errorf("%s: length %d digest %x, %d tokens; want those of the whole row, and none", name, large.Length, large.Digest, len(large.Tokens))
		}
	}
}

func TestAPageTokenTooLongForTheLedgerBreaksThePage(t *testing.T) {
	page := `{"data":[],"nextPageToken":"` + strings.Repeat("t", maxNext+1) + `"}`
	var broken *PageError
	if _, err := splitAll(newSplitter(), strings.NewReader(page), conv.Position{}); !errors.As(err, &broken) {
		t.Errorf("error is %v, want a PageError", err)
	}
}
