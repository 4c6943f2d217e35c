package e2e

import (
	"syscall"
	"testing"

	"convstream/internal/simulator"
	"convstream/testcontainers"
)

const mib = 1 << 20

func TestRealMemoryDoesNotGrowWithTheRows(t *testing.T) {
	env := testcontainers.RequireReal(t, testcontainers.WithRegistry())
	const rows = 1_000_000 // fewer do not fill what convstream allows itself
	small := peakOf(t, env, rows)
	const many = 10*rows - 1 // a result of ten million rows is at the platform's cap, and might be cut off
	great := peakOf(t, env, many)
	if small >= 256*mib {
		t.Errorf("%d rows take %d MiB at the peak, want less than 256", rows, small/mib)
	}
	if most := small + small*15/100 + 16*mib; great > most {
		t.Errorf("%d rows take %d MiB at the peak, want at most %d: %d rows take %d", many, great/mib, most/mib, rows, small/mib)
	}
}

// peakOf backfills so many rows of one day, in one job, and returns the peak of resident memory in bytes.
func peakOf(t *testing.T, env *testcontainers.Env, rows int) int64 {
	t.Helper()
	w := newWorld(t, env, newPlatform(t, rows, simulator.Faults{PageRows: pageRows}))
	p := w.backfill(t, convstream)
	p.wantExit(t, 0)
	var s summary
	p.answer(t, &s)
	if s.Published != int64(rows) {
		t.Fatalf("%d rows published, want %d", s.Published, rows)
	}
	t.Logf("PEAK RSS of %d rows: %.1f MiB in %.1f s, %.0f rows/s", rows, float64(p.peak())/mib, s.Seconds, float64(rows)/s.Seconds)
	return p.peak()
}

// A page of 1000 conversations of 100 kB each, four of them at once, is more than the program may take in all.
func TestRealMemoryDoesNotGrowWithPagesOfConversations(t *testing.T) {
	const conversations, pageRows, padding = 8_000, 1000, 100_000
	env := testcontainers.RequireReal(t, testcontainers.WithRegistry())
	w := newWorldOf(t, env, newPlatformOf(t, conversations, week, simulator.Faults{PageRows: pageRows, RowPadding: padding}), jobs("step: 24h"))
	p := w.backfill(t, convstream)
	p.wantExit(t, 0)
	var s summary
	p.answer(t, &s)
	if s.Published != conversations {
		t.Fatalf("%d conversations published, want %d", s.Published, conversations)
	}
	for _, j := range w.platform.Stats().Jobs {
		if len(j.Pages) < 2 {
			t.Errorf("the job from %s has %d pages; the first one is not full", j.Start, len(j.Pages))
		}
	}
	t.Logf("PEAK RSS of pages of %d MB: %.1f MiB in %.1f s", pageRows*padding/1_000_000, float64(p.peak())/mib, s.Seconds)
	if p.peak() >= 256*mib {
		t.Errorf("pages of %d MB take %d MiB at the peak, want less than 256", pageRows*padding/1_000_000, p.peak()/mib)
	}
}

// peak is the greatest resident memory that the process had, in bytes, and never less than the test itself had when it
// started the process. This file is for Linux, which counts in KiB.
func (p *process) peak() int64 {
	return p.cmd.ProcessState.SysUsage().(*syscall.Rusage).Maxrss << 10
}
