package extractor

import (
	"crypto/sha256"
	"errors"
	"io"
	"runtime"
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
		if want := row[:min(len(row), headSize)]; string(large.Raw) != want {
			t.Errorf("%s: %d bytes of it are kept, want its first %d", name, len(large.Raw), len(want))
		}
	}
}

// The row has nearly as many bytes and as many tokens as a row may have, and never ends. Its
// buffers grow by doubling, so that all of them together are five limits at most, and those
// held at once are three and a half.
func TestR3_BuffersOfARowEndAtItsLimits(t *testing.T) {
	const unit = ",               0"
	row := endless(`{"data":[[1`, unit, maxRow-1000)
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	err := newSplitter().Split(row, conv.Position{}, nil)
	runtime.ReadMemStats(&after)
	if tokens := maxRow / len(unit); !errors.Is(err, io.ErrUnexpectedEOF) || tokens > maxTokens {
		t.Fatalf("%v, %d tokens", err, tokens)
	}
	if cost := after.TotalAlloc - before.TotalAlloc; cost > 5*maxRow {
		t.Errorf("%d MiB were allocated", cost>>20)
	}
}

func TestNestingOutsideOfRowsHasALimit(t *testing.T) {
	for page, ok := range map[string]bool{
		`{"x":` + strings.Repeat("[", maxDepth) + strings.Repeat("]", maxDepth) + `,"data":[]}`: false,
		`{"data":[` + strings.Repeat("[", maxOpen) + strings.Repeat("]", maxOpen) + `]}`:        false,
		`{"data":[` + strings.Repeat("[", maxOpen-2) + strings.Repeat("]", maxOpen-2) + `]}`:    true,
	} {
		_, err := splitAll(newSplitter(), strings.NewReader(page), conv.Position{})
		var broken *PageError
		if ok && err != nil || !ok && !errors.As(err, &broken) {
			t.Errorf("%.12s… of %d bytes: %v", page, len(page), err)
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
