package staging

import (
	"errors"
	"io"
	"os"
	"path/filepath"
	"runtime"
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
	call := watching(t.Context())
	_, err = io.ReadAll(&upload{from: strings.NewReader("x"), file: f, call: call})
	if !errors.Is(err, os.ErrClosed) || call.ctx.Err() == nil {
		t.Errorf("%v, canceled: %v", err, call.ctx.Err())
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

func TestR13_AFolderThatMayNotBeWrittenToIsToldAtTheStartAndCanStillBeRead(t *testing.T) {
	folder := filepath.ToSlash(t.TempDir())
	if err := os.Chmod(folder, 0o500); err != nil {
		t.Fatal(err)
	}
	if os.Getuid() == 0 { // who may write to that
		if folder = "/sys"; runtime.GOOS != "linux" {
			t.Skip("root may write everywhere")
		}
	}
	_, err := Open(t.Context(), "file://"+folder)
	var storage *Error
	if !errors.As(err, &storage) || !storage.Permanent() || !strings.HasPrefix(err.Error(), "staging: write file://"+folder+": ") {
		t.Errorf("to be written to: %v", err)
	}
	b, err := OpenKept(t.Context(), "file://"+folder)
	if err != nil {
		t.Fatalf("to be read: %v", err)
	}
	_ = b.Close()
}

func TestR13_AFileSystemThatSyncsNoFoldersIsLeftToTheSystem(t *testing.T) {
	const folder = "/proc"
	if f, err := os.Open(folder); err != nil || f.Sync() == nil {
		t.Skip("this system has no folder that cannot be synced")
	}
	if err := syncFolder(folder); err != nil {
		t.Error(err)
	}
}
