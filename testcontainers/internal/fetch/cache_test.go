package fetch

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
)

// Test packages start together and want the same jars.
func TestOneOfManyBuilds(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "jars")
	var builds atomic.Int32
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			err := Into(t.Context(), dir, func(_ context.Context, tmp string) error {
				builds.Add(1)
				return os.WriteFile(filepath.Join(tmp, "a.jar"), nil, 0o644)
			})
			if err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	if builds.Load() != 1 {
		t.Errorf("%d builds, want 1", builds.Load())
	}
	if _, err := os.Stat(filepath.Join(dir, "a.jar")); err != nil {
		t.Error(err)
	}
}

func TestFailedBuildLeavesNothingAndIsTriedAgain(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "jars")
	broken := errors.New("the line is down")
	err := Into(t.Context(), dir, func(_ context.Context, tmp string) error {
		if err := os.WriteFile(filepath.Join(tmp, "half.jar"), nil, 0o644); err != nil {
			return err
		}
		return broken
	})
	if !errors.Is(err, broken) {
		t.Errorf("error %v, want %v", err, broken)
	}
	if _, err := os.Stat(dir); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the folder of a failed build: %v, want none", err)
	}
	err = Into(t.Context(), dir, func(_ context.Context, tmp string) error {
		if _, err := os.Stat(filepath.Join(tmp, "half.jar")); err == nil {
			t.Error("the next build sees what the failed one left")
		}
		return os.WriteFile(filepath.Join(tmp, "a.jar"), nil, 0o644)
	})
	if err != nil {
		t.Error(err)
	}
}

func TestAnEditedPinIsAnotherFolder(t *testing.T) {
	if versioned("kafka", []byte("4.4.0")) == versioned("kafka", []byte("4.3.1")) {
		t.Error("two versions share a folder")
	}
}
