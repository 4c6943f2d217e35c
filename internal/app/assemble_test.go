package app

import (
	"os"
	"path/filepath"
	"testing"
)

func TestTwoProcessesNeverShareACache(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "state")
	first, lock, err := lockCache(dir)
	if err != nil || first != dir {
		t.Fatalf("first: %s, %v; want %s", first, err, dir)
	}
	second, beside, err := lockCache(dir)
	if err != nil || second == dir {
		t.Fatalf("second: %s, %v; want a folder of its own", second, err)
	}
	if err := lock.Unlock(); err != nil {
		t.Fatal(err)
	}
	third, lock, err := lockCache(dir)
	if err != nil || third != dir {
		t.Fatalf("third: %s, %v; want %s", third, err, dir)
	}
	if _, err := os.Stat(second); err != nil {
		t.Errorf("the folder of a living process was removed: %v", err)
	}
	if err := beside.Unlock(); err != nil {
		t.Fatal(err)
	}
	if err := lock.Unlock(); err != nil {
		t.Fatal(err)
	}
	if _, _, err := lockCache(dir); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(second); !os.IsNotExist(err) {
		t.Errorf("the folder of a dead process is still there: %v", err)
	}
}
