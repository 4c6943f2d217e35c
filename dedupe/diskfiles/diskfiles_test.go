package diskfiles_test

import (
	"io"
	"os"
	"path/filepath"
	"testing"

	"convstream/dedupe"
	"convstream/dedupe/diskfiles"
	"convstream/internal/conv"
)

func TestOpenRemovesWhatACrashLeftHalfWritten(t *testing.T) {
	path := filepath.Join(t.TempDir(), "state", "dedupe") // made by Open
	files, err := diskfiles.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	f, err := files.Create("a")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.WriteString(f, "half"); err != nil {
		t.Fatal(err)
	}
	// Nothing more happens to f in this process. A second one opens the directory.
	t.Cleanup(f.Abandon)
	if left, err := os.ReadDir(path); len(left) != 1 || err != nil {
		t.Fatalf("the crash left %v, %v", left, err)
	}
	if _, err := diskfiles.Open(path); err != nil {
		t.Fatal(err)
	}
	if left, err := os.ReadDir(path); len(left) != 0 || err != nil {
		t.Fatalf("left %v, %v", left, err)
	}
}

func TestOpenRefusesAFileInPlaceOfTheDirectory(t *testing.T) {
	path := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(path, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := diskfiles.Open(path); err == nil {
		t.Fatal("want an error")
	}
}

func TestR116_HistorySurvivesOnDisk(t *testing.T) {
	path := t.TempDir()
	entry := dedupe.Entry{Key: conv.Key{1}, Time: 1, Fingerprint: 2, Observation: 3}
	span := dedupe.Span{ID: "w", Seq: 1, Min: 1, Max: 1}
	for i, want := range []dedupe.Verdict{dedupe.New, dedupe.Repeat, dedupe.Repeat} {
		files, err := diskfiles.Open(path)
		if err != nil {
			t.Fatal(err)
		}
		h, err := dedupe.Open(files, "cluster", 1<<20)
		if err != nil {
			t.Fatal(err)
		}
		if i > 0 {
			h.Expect([]dedupe.Span{span})
		}
		if missing := h.Missing(1); missing != nil {
			t.Fatalf("start %d: missing %v", i, missing)
		}
		if got, err := h.Check(1, 1, entry); got != want || err != nil {
			t.Fatalf("start %d: %v, %v; want %v", i, got, err, want)
		}
		if err := h.Commit(1, span); err != nil {
			t.Fatal(err)
		}
		if err := h.Save(); err != nil {
			t.Fatal(err)
		}
		if err := h.Close(); err != nil {
			t.Fatal(err)
		}
	}
}
