package app

import (
	"cmp"
	"slices"

	"convstream/internal/conv"
)

// driftEntry is what is known of one way in which rows depart from the contract.
type driftEntry struct {
	Kind     conv.DriftKind `json:"kind"`
	Field    string         `json:"field"`
	Route    string         `json:"route,omitempty"` // whose contract it is, "" for the primary one
	Expected string         `json:"expected"`        // as told last
	Found    string         `json:"found"`           // as told last
	Rows     int64          `json:"rows"`            // that have it, in windows as they were told of
	Windows  int            `json:"windows"`
	First    conv.Window    `json:"first_window"`
	Last     conv.Window    `json:"last_window"`
	Seen     string         `json:"first_seen"`         // when it was told first
	Still    bool           `json:"still"`              // the newest window has it
	Change   string         `json:"proposed,omitempty"` // to the contract

	told map[conv.Window]int64 // rows by window
	seen int64                 // epoch ms
	last int64                 // epoch ms: when Expected and Found were told
}

// driftTally gathers drift over windows.
type driftTally struct {
	interval conv.Window // the zero value is all time
	entries  map[driftKey]*driftEntry
	windows  map[conv.Window]bool // that were told of
	newest   *conv.Window         // of those that were read
	present  map[driftKey]bool    // what the ledger says of the newest; nil where it says nothing
}

type driftKey struct {
	kind  conv.DriftKind
	field string
	route string
}

func newDriftTally(interval conv.Window) *driftTally {
	return &driftTally{interval: interval, entries: map[driftKey]*driftEntry{}, windows: map[conv.Window]bool{}}
}

func (t *driftTally) covers(w conv.Window) bool {
	return t.interval == conv.Window{} || t.interval.Overlaps(w)
}

// event takes an event of drift.
func (t *driftTally) event(e *conv.Event) {
	if e.Window == nil || !t.covers(*e.Window) {
		return
	}
	text := func(member string) string { s, _ := e.Detail[member].(string); return s }
	count, _ := e.Detail["count"].(float64)
	key := driftKey{conv.DriftKind(text("kind")), text("field"), text("route")}
	if key.kind == "" || key.field == "" {
		return // of a version that told other things
	}
	entry := t.entries[key]
	if entry == nil {
		entry = &driftEntry{Kind: key.kind, Field: key.field, Route: key.route, told: map[conv.Window]int64{}, seen: e.Time}
		t.entries[key] = entry
	}
	if e.Time >= entry.last {
		entry.last, entry.Expected, entry.Found = e.Time, text("expected"), text("found")
	}
	entry.seen = min(entry.seen, e.Time)
	entry.told[*e.Window] = int64(count)
	t.windows[*e.Window] = true
	t.read(*e.Window)
}

// checkpoint takes what the ledger knows of a window. All events come before.
func (t *driftTally) checkpoint(cp *conv.Checkpoint) {
	if !cp.State.Whole() || !t.covers(cp.Window) {
		return
	}
	if t.read(cp.Window); *t.newest != cp.Window {
		return
	}
	t.present = map[driftKey]bool{}
	for _, d := range cp.Drift {
		t.present[driftKey{d.Kind, d.Field, d.Route}] = d.Count > 0
	}
}

// read notes a window that rows were read of.
func (t *driftTally) read(w conv.Window) {
	if t.newest == nil || cmp.Or(cmp.Compare(t.newest.To, w.To), cmp.Compare(t.newest.From, w.From)) < 0 {
		t.newest, t.present = &w, nil
	}
}

// report closes the count.
func (t *driftTally) report() driftReport {
	r := driftReport{Windows: len(t.windows), Newest: t.newest, Drift: []*driftEntry{}}
	for key, e := range t.entries {
		for w, rows := range e.told {
			e.Rows += rows
			if e.Windows++; e.Windows == 1 || w.Compare(e.First) < 0 {
				e.First = w
			}
			if e.Windows == 1 || w.Compare(e.Last) > 0 {
				e.Last = w
			}
		}
		e.Seen = conv.FormatInstant(e.seen)
		if t.present != nil { // a later job may no longer have it
			e.Still = t.present[key]
		} else {
			_, e.Still = e.told[*t.newest]
		}
		r.Drift = append(r.Drift, e)
	}
	slices.SortFunc(r.Drift, func(a, b *driftEntry) int {
		return cmp.Or(cmp.Compare(a.Kind, b.Kind), cmp.Compare(a.Field, b.Field), cmp.Compare(a.Route, b.Route))
	})
	return r
}
