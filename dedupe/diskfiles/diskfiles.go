// Package diskfiles keeps the files of a dedupe history in a directory on disk.
package diskfiles

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"

	"convstream/dedupe"
)

// Dir is a directory, as [dedupe.Files]. One process uses it at a time.
type Dir struct{ path string }

var _ dedupe.Files = (*Dir)(nil)

// tempSuffix ends the names of files that are not committed.
const tempSuffix = ".tmp"

// Open makes the directory if need be, and removes what a crash left half written.
func Open(path string) (*Dir, error) {
	if err := os.MkdirAll(path, 0o700); err != nil {
		return nil, fmt.Errorf("make dedupe directory: %w", err)
	}
	left, err := os.ReadDir(path)
	if err != nil {
		return nil, fmt.Errorf("read dedupe directory: %w", err)
	}
	for _, entry := range left {
		if !strings.HasSuffix(entry.Name(), tempSuffix) {
			continue
		}
		if err := os.Remove(filepath.Join(path, entry.Name())); err != nil {
			return nil, fmt.Errorf("remove half-written dedupe file: %w", err)
		}
	}
	return &Dir{path}, nil
}

// Create starts a new file beside the one that it will replace.
func (d *Dir) Create(name string) (dedupe.NewFile, error) {
	path := filepath.Join(d.path, name)
	f, err := os.OpenFile(path+tempSuffix, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return nil, err
	}
	return &newFile{File: f, path: path, dir: d}, nil
}

// Open opens a committed file.
func (d *Dir) Open(name string) (dedupe.File, error) {
	f, err := os.Open(filepath.Join(d.path, name))
	if err != nil {
		return nil, err
	}
	info, err := f.Stat()
	if err != nil {
		_ = f.Close() // it was only read
		return nil, err
	}
	return file{f, info.Size()}, nil
}

// Remove removes a committed file and makes that durable.
func (d *Dir) Remove(name string) error {
	err := os.Remove(filepath.Join(d.path, name))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	return d.sync()
}

// List names the committed files.
func (d *Dir) List() ([]string, error) {
	entries, err := os.ReadDir(d.path)
	if err != nil {
		return nil, err
	}
	var names []string
	for _, entry := range entries {
		if entry.Type().IsRegular() && !strings.HasSuffix(entry.Name(), tempSuffix) {
			names = append(names, entry.Name())
		}
	}
	return names, nil
}

// sync makes renames and removals durable. Windows has no such call; there the file system's
// journal keeps their order.
func (d *Dir) sync() error {
	if runtime.GOOS == "windows" {
		return nil
	}
	f, err := os.Open(d.path)
	if err != nil {
		return err
	}
	return errors.Join(f.Sync(), f.Close())
}

type file struct {
	*os.File
	size int64
}

func (f file) Size() int64 { return f.size }

type newFile struct {
	*os.File
	path string // once committed
	dir  *Dir
	done bool
}

func (f *newFile) Commit() error {
	f.done = true
	err := errors.Join(f.Sync(), f.Close())
	if err == nil {
		err = os.Rename(f.Name(), f.path)
	}
	if err != nil {
		_ = os.Remove(f.Name()) // or the next Open does
		return err
	}
	return f.dir.sync()
}

func (f *newFile) Abandon() {
	if f.done {
		return
	}
	f.done = true
	_ = f.Close()
	_ = os.Remove(f.Name()) // or the next Open does
}
