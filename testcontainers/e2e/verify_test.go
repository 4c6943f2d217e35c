package e2e

import "testing"

// audit is what verify --json prints.
type audit struct {
	Distinct    int64 `json:"distinct"`
	Missing     int64 `json:"missing"`
	Doubled     int64 `json:"doubled"`
	Foreign     int64 `json:"foreign"`
	DeadLetters int64 `json:"dead_letters"`
	Balanced    bool  `json:"balanced"`
}

// summary is what backfill --json prints.
type summary struct {
	Windows    int      `json:"windows"`
	Published  int64    `json:"published"`
	Duplicates int64    `json:"duplicates"`
	Revisions  int64    `json:"revisions"`
	Invalid    int64    `json:"invalid"`
	Incomplete []string `json:"incomplete"`
	Seconds    float64  `json:"seconds"`
}

// verify runs convstream's own comparison of the topic with the ledger.
func (w *world) verify(t *testing.T, wantCode int) (a audit) {
	t.Helper()
	p := start(t, convstream, w.config, "verify", w.interval("--json")...)
	p.wantExit(t, wantCode)
	p.answer(t, &a)
	return a
}

// wantOnce fails the test unless the topic holds every row once and nothing else.
func (w *world) wantOnce(t *testing.T, rows int) {
	t.Helper()
	if got, want := w.verify(t, 0), (audit{Distinct: int64(rows), Balanced: true}); got != want {
		t.Errorf("verify finds %+v, want %+v", got, want)
	}
}
