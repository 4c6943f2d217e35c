package staging

import (
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestR13_TheNameOfAPageIsOnTheDiskBeforeThePageCountsAsKept(t *testing.T) {
	root := filepath.Join(t.TempDir(), "made")
	b := open(t, "file://"+filepath.ToSlash(root)+"?prefix=mine")
	folder := filepath.Join(root, "mine", "acme", "reports")
	page := filepath.Join(folder, "page")
	var synced []string
	b.sync = func(folder string) error {
		if _, err := os.Stat(page); err != nil {
			t.Errorf("%s is synced before it has the page: %v", folder, err)
		}
		synced = append(synced, folder)
		return nil
	}
	if err := b.write(t.Context(), "acme/reports/page", "text/plain", text("x")); err != nil {
		t.Fatal(err)
	}
	want := []string{folder, filepath.Join(root, "mine", "acme"), filepath.Join(root, "mine"), root}
	if diff := cmp.Diff(want, synced); diff != "" {
		t.Error(diff)
	}
	broken := errors.New("the disk is gone")
	b.sync = func(string) error { return broken }
	var storage *Error
	if err := b.write(t.Context(), "acme/reports/page", "text/plain", text("x")); !errors.As(err, &storage) || !errors.Is(err, broken) {
		t.Errorf("a page whose name may be lost: %v", err)
	}
}

func TestR13_AFileThatCannotBeSyncedGetsNoName(t *testing.T) {
	f, err := os.Create(filepath.Join(t.TempDir(), "file"))
	if err != nil {
		t.Fatal(err)
	}
	if err := f.Close(); err != nil { // what is closed cannot be synced
		t.Fatal(err)
	}
	canceled := false
	_, err = io.ReadAll(&upload{from: strings.NewReader("x"), file: f, cancel: func() { canceled = true }})
	if !errors.Is(err, os.ErrClosed) || !canceled {
		t.Errorf("%v, canceled: %t", err, canceled)
	}
}

func TestR13_FoldersThatWereMadeAreSyncedWithTheOneAboveThem(t *testing.T) {
	there := t.TempDir()
	made := missing(filepath.Join(there, "a", "b"))
	if diff := cmp.Diff([]string{filepath.Join(there, "a", "b"), filepath.Join(there, "a"), there}, made); diff != "" {
		t.Error(diff)
	}
	if made := missing(there); made != nil {
		t.Errorf("%v of a folder that is there", made)
	}
	if err := (&Bucket{sync: syncFolder}).persistMade([]string{there, filepath.Join(there, "absent")}); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("a folder that cannot be synced: %v", err)
	}
}
