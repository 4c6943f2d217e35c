package conv

import (
	"cmp"
	"fmt"
	"strings"
	"time"
)

// InstantLayout is how convstream writes an instant: UTC, three decimals, a literal Z.
const InstantLayout = "2006-01-02T15:04:05.000Z"

// Window is a stretch of time [From, To) in UTC epoch milliseconds. It is the unit that is
// submitted as one job, and the unit that the ledger accounts for.
type Window struct {
	From int64
	To   int64
}

// FormatInstant renders epoch milliseconds as InstantLayout.
func FormatInstant(ms int64) string {
	return time.UnixMilli(ms).UTC().Format(InstantLayout)
}

// String renders the window as "from/to" in InstantLayout.
func (w Window) String() string {
	return FormatInstant(w.From) + "/" + FormatInstant(w.To)
}

// ParseWindow reads what [Window.String] wrote.
func ParseWindow(s string) (Window, error) {
	from, to, ok := strings.Cut(s, "/")
	if !ok {
		return Window{}, fmt.Errorf("window %q: want FROM/TO", s)
	}
	a, err := time.Parse(InstantLayout, from)
	if err != nil {
		return Window{}, fmt.Errorf("window %q: %w", s, err)
	}
	b, err := time.Parse(InstantLayout, to)
	if err != nil {
		return Window{}, fmt.Errorf("window %q: %w", s, err)
	}
	w := Window{From: a.UnixMilli(), To: b.UnixMilli()}
	if w.From >= w.To {
		return Window{}, fmt.Errorf("window %q: it ends before it starts", s)
	}
	return w, nil
}

// Duration is the window's length.
func (w Window) Duration() time.Duration { return time.Duration(w.To-w.From) * time.Millisecond }

// Contains says whether the instant lies in [From, To).
func (w Window) Contains(ms int64) bool { return w.From <= ms && ms < w.To }

// Overlaps says whether the two windows share an instant.
func (w Window) Overlaps(o Window) bool { return w.From < o.To && o.From < w.To }

// Covers says whether every instant of o lies in w.
func (w Window) Covers(o Window) bool { return w.From <= o.From && o.To <= w.To }

// MarshalText writes the window for JSON and YAML.
func (w Window) MarshalText() ([]byte, error) { return []byte(w.String()), nil }

// UnmarshalText reads what MarshalText wrote.
func (w *Window) UnmarshalText(b []byte) error {
	p, err := ParseWindow(string(b))
	if err == nil {
		*w = p
	}
	return err
}

// Compare orders windows by their start, then by their end.
func (w Window) Compare(o Window) int {
	return cmp.Or(cmp.Compare(w.From, o.From), cmp.Compare(w.To, o.To))
}
