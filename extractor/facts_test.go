package extractor

import (
	"errors"
	"strings"
	"testing"

	"convstream/internal/conv"
)

// jobsSplitter is for pages of the platform's public API.
func jobsSplitter() *Splitter {
	return NewSplitter(Envelope{Rows: "conversations", Next: "cursor", Available: "dataAvailabilityDate"},
		Keys{ConversationID: "conversationId", Time: "conversationStart", End: "conversationEnd"})
}

func TestThePagesWatermarkIsReadOrAbsent(t *testing.T) {
	const at = 1704096932100
	for page, want := range map[string]int64{
		`{"conversations":[],"dataAvailabilityDate":"2024-01-01T08:15:32.100Z"}`:                   at,
		`{"dataAvailabilityDate":"2024-01-01T10:15:32.1+02:00","conversations":[{}],"cursor":"c"}`: at,
		`{"conversations":[],"dataAvailabilityDate":1704096932100}`:                                at,
		`{"conversations":[],"dataAvailabilityDate":"x","dataAvailabilityDate":1704096932100}`:     at,
		`{"conversations":[],"dataAvailabilityDate":1704096932100,"dataAvailabilityDate":null}`:    0,
		`{"conversations":[]}`:                                                                       0,
		`{"conversations":[],"dataAvailabilityDate":null}`:                                           0,
		`{"conversations":[],"dataAvailabilityDate":"yesterday"}`:                                    0,
		`{"conversations":[],"dataAvailabilityDate":1e400}`:                                          0,
		`{"conversations":[],"dataAvailabilityDate":["2024-01-01T08:15:32.100Z"]}`:                   0,
		`{"conversations":[],"dataAvailabilityDate":{"a":1}}`:                                        0,
		`{"conversations":[],"dataAvailabilityDate":true}`:                                           0,
		`{"conversations":[{"dataAvailabilityDate":"2024-01-01T08:15:32.100Z"}]}`:                    0,
		`{"conversations":[],"":5,"":6,"x":{"dataAvailabilityDate":"2024-01-01T08:15:32.100Z"}}`:     0,
		`{"conversations":[],"dataAvailabilityDate":"` + strings.Repeat("2", maxRow+readSize) + `"}`: 0,
	} {
		var got conv.PageFacts
		err := jobsSplitter().Split(strings.NewReader(page), conv.Position{}, func(c conv.Chunk) error {
			got = c.Page
			return nil
		})
		if err != nil || got.Available != want || got.Count != -1 {
			t.Errorf("%.90s: %+v, %v; want %d", page, got, err, want)
		}
	}
}

func TestARowsEndIsReadOrAbsent(t *testing.T) {
	const at = 1704096932100
	for row, want := range map[string]int64{
		`{"conversationId":"c","conversationStart":"2024-01-01T08:00:00Z","conversationEnd":"2024-01-01T08:15:32.100Z"}`: at,
		`{"conversationEnd":1704096932100}`:                             at,
		`{"conversationId":"c"}`:                                        -1,
		`{"conversationEnd":null}`:                                      -1,
		`{"conversationEnd":"later"}`:                                   -1,
		`{"x":{"conversationEnd":"2024-01-01T08:15:32.100Z"}}`:          -1,
		`["conversationEnd","2024-01-01T08:15:32.100Z"]`:                -1,
		`{"conversationEnd":"2024-01-01T08:15:32","conversationId":""}`: at - 100,
	} {
		got, err := splitAll(jobsSplitter(), strings.NewReader(`{"conversations":[`+row+`]}`), conv.Position{})
		if err != nil || len(got.Rows) != 1 {
			t.Fatalf("%s: %d rows, %v", row, len(got.Rows), err)
		}
		if r := got.Rows[0]; r.HasEnd != (want >= 0) || r.HasEnd && r.End != want {
			t.Errorf("%s: end is %d (%v), want %d", row, r.End, r.HasEnd, want)
		}
	}
}

func TestRowsOfADialectWithoutEndsHaveNone(t *testing.T) {
	row := splitRow(t, `{"":"2024-01-01T08:15:32.100Z","conversationEnd":"2024-01-01T08:15:32.100Z","conversation.id":"c"}`)
	if row.HasEnd || row.End != 0 {
		t.Errorf("it ends at %d", row.End)
	}
}

func TestARowsEndCostsNoMemory(t *testing.T) {
	page := `{"conversations":[` + strings.Repeat(`{"conversationId":"c","conversationStart":"2024-01-01T08:00:00Z","conversationEnd":"2024-01-01T08:15:32.100Z"},`, 5000) + `{}]}`
	cost := func(s *Splitter) float64 {
		return testing.AllocsPerRun(5, func() {
			if err := s.Split(strings.NewReader(page), conv.Position{}, func(conv.Chunk) error { return nil }); err != nil {
				t.Fatal(err)
			}
		})
	}
	with, without := jobsSplitter(), jobsSplitter()
	without.keys.End = ""
	if a, b := cost(with), cost(without); a > b {
		t.Errorf("%.0f allocations with the end and %.0f without", a, b)
	}
}

// In dialect jobs the last page of an empty result has neither member.
func TestAPageOfNothingButAWatermarkHasNoRows(t *testing.T) {
	s := NewSplitter(Envelope{Rows: "conversations", Next: "cursor", Available: "dataAvailabilityDate"}, Keys{})
	for page, whole := range map[string]bool{
		`{"dataAvailabilityDate":"2024-01-02T00:00:00.000Z"}`:                      true,
		`{"conversations":null,"dataAvailabilityDate":"2024-01-02T00:00:00.000Z"}`: true,
		`{"dataAvailabilityDate":"soon"}`:                                          false,
		`{"conversations":null}`:                                                   false,
		`{}`:                                                                       false,
	} {
		ended := false
		err := s.Split(strings.NewReader(page), conv.Position{}, func(c conv.Chunk) error {
			ended = c.End && c.Next == "" && len(c.Rows) == 0
			return nil
		})
		if (err == nil) != whole || ended != whole {
			t.Errorf("%s: %v, ended %t", page, err, ended)
		}
	}
}

// Behind a first page the same is broken: there was a token for it.
func TestAPageOfNothingButAWatermarkIsBrokenBehindATokenThatLedThere(t *testing.T) {
	err := jobsSplitter().Split(strings.NewReader(`{"dataAvailabilityDate":"2024-01-02T00:00:00.000Z"}`), conv.Position{Token: "two", Page: 1},
		func(conv.Chunk) error { return nil })
	var broken *PageError
	if !errors.As(err, &broken) {
		t.Errorf("it ends the result: %v", err)
	}
}
