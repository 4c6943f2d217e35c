package dedupe_test

import (
	"errors"
	"io"
	"io/fs"
	"slices"
	"testing"

	"convstream/dedupe"
	"convstream/dedupe/diskfiles"
	"convstream/dedupe/memfiles"
)

// Both directories keep the promises of Files.
func TestFilesKeepTheirPromises(t *testing.T) {
	onDisk, err := diskfiles.Open(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	for name, files := range map[string]dedupe.Files{"disk": onDisk, "memory": memfiles.New()} {
		t.Run(name, func(t *testing.T) {
			if _, err := files.Open("a"); !errors.Is(err, fs.ErrNotExist) {
				t.Errorf("open a missing file: %v", err)
			}
			if err := files.Remove("a"); err != nil {
				t.Errorf("remove a missing file: %v", err)
			}
			write(t, files, "a", "first").Abandon()
			wantNames(t, files)
			if err := write(t, files, "a", "first").Commit(); err != nil {
				t.Fatal(err)
			}
			if err := write(t, files, "b", "other").Commit(); err != nil {
				t.Fatal(err)
			}
			second := write(t, files, "a", "the second")
			if got := read(t, files, "a"); got != "first" {
				t.Errorf("before the commit: %q", got)
			}
			wantNames(t, files, "a", "b")
			if err := second.Commit(); err != nil {
				t.Fatal(err)
			}
			second.Abandon()
			if got := read(t, files, "a"); got != "the second" {
				t.Errorf("after the commit: %q", got)
			}
			if err := files.Remove("a"); err != nil {
				t.Fatal(err)
			}
			wantNames(t, files, "b")
		})
	}
}

func write(t *testing.T, files dedupe.Files, name, content string) dedupe.NewFile {
	t.Helper()
	f, err := files.Create(name)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.WriteString(f, content); err != nil {
		t.Fatal(err)
	}
	return f
}

func read(t *testing.T, files dedupe.Files, name string) string {
	t.Helper()
	f, err := files.Open(name)
	if err != nil {
		t.Fatal(err)
	}
	b, err := io.ReadAll(io.NewSectionReader(f, 0, f.Size()))
	if err := errors.Join(err, f.Close()); err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func wantNames(t *testing.T, files dedupe.Files, want ...string) {
	t.Helper()
	got, err := files.List()
	if err != nil {
		t.Fatal(err)
	}
	if slices.Sort(got); !slices.Equal(got, want) {
		t.Errorf("files %v, want %v", got, want)
	}
}
