// Package memfiles keeps the files of a dedupe history in memory, for tests. It is as strict
// as the strictest disk: it neither replaces nor removes a file that somebody has open.
package memfiles

import (
	"bytes"
	"fmt"
	"io/fs"
	"maps"
	"slices"
	"sync"

	"convstream/dedupe"
)

// Dir is a directory, as [dedupe.Files].
type Dir struct {
	mu    sync.Mutex
	fault func(op, name string) error
	files map[string][]byte
	open  map[string]int
}

var _ dedupe.Files = (*Dir)(nil)

// New returns an empty directory.
func New() *Dir { return &Dir{files: map[string][]byte{}, open: map[string]int{}} }

// SetFault has every step of the disk ask fault first, and fail with its error: create,
// write (half of it is written), commit (the file keeps its old content), sync (the commit
// is done, and yet reported as failed), open, read, remove, list. It is called with the
// directory locked. Nil ends it.
func (d *Dir) SetFault(fault func(op, name string) error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.fault = fault
}

// Crash returns the directory as the next process finds it if this one dies now.
func (d *Dir) Crash() *Dir {
	d.mu.Lock()
	defer d.mu.Unlock()
	after := New()
	for name, content := range d.files {
		after.files[name] = bytes.Clone(content)
	}
	return after
}

// Damage lets change overwrite the content of a committed file; what it returns is the new
// content. It reports whether there is such a file.
func (d *Dir) Damage(name string, change func(content []byte) []byte) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	content, ok := d.files[name]
	if ok {
		d.files[name] = change(bytes.Clone(content))
	}
	return ok
}

// OpenFiles counts the files that are open for reading.
func (d *Dir) OpenFiles() int {
	d.mu.Lock()
	defer d.mu.Unlock()
	n := 0
	for _, readers := range d.open {
		n += readers
	}
	return n
}

// step is called with the directory locked.
func (d *Dir) step(op, name string) error {
	if d.fault == nil {
		return nil
	}
	return d.fault(op, name)
}

// Create starts a new file.
func (d *Dir) Create(name string) (dedupe.NewFile, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if err := d.step("create", name); err != nil {
		return nil, err
	}
	return &newFile{dir: d, name: name}, nil
}

// Open opens a committed file.
func (d *Dir) Open(name string) (dedupe.File, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if err := d.step("open", name); err != nil {
		return nil, err
	}
	if _, ok := d.files[name]; !ok {
		return nil, fmt.Errorf("open %s: %w", name, fs.ErrNotExist)
	}
	d.open[name]++
	return &file{dir: d, name: name}, nil
}

// Remove removes a committed file.
func (d *Dir) Remove(name string) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if err := d.step("remove", name); err != nil {
		return err
	}
	if err := d.inUse(name); err != nil {
		return err
	}
	delete(d.files, name)
	return nil
}

// List names the committed files.
func (d *Dir) List() ([]string, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if err := d.step("list", ""); err != nil {
		return nil, err
	}
	return slices.Sorted(maps.Keys(d.files)), nil
}

func (d *Dir) inUse(name string) error {
	if d.open[name] > 0 {
		return fmt.Errorf("%s is open", name)
	}
	return nil
}

type file struct {
	dir    *Dir
	name   string
	closed bool
}

func (f *file) ReadAt(p []byte, at int64) (int, error) {
	f.dir.mu.Lock()
	defer f.dir.mu.Unlock()
	if f.closed {
		return 0, fs.ErrClosed
	}
	if err := f.dir.step("read", f.name); err != nil {
		return 0, err
	}
	return bytes.NewReader(f.dir.files[f.name]).ReadAt(p, at)
}

func (f *file) Size() int64 {
	f.dir.mu.Lock()
	defer f.dir.mu.Unlock()
	return int64(len(f.dir.files[f.name]))
}

func (f *file) Close() error {
	f.dir.mu.Lock()
	defer f.dir.mu.Unlock()
	if f.closed {
		return fs.ErrClosed
	}
	f.closed = true
	f.dir.open[f.name]--
	return nil
}

type newFile struct {
	dir     *Dir
	name    string
	content []byte
	done    bool
}

func (f *newFile) Write(p []byte) (int, error) {
	f.dir.mu.Lock()
	defer f.dir.mu.Unlock()
	if err := f.dir.step("write", f.name); err != nil {
		f.content = append(f.content, p[:len(p)/2]...)
		return len(p) / 2, err
	}
	f.content = append(f.content, p...)
	return len(p), nil
}

func (f *newFile) Commit() error {
	f.dir.mu.Lock()
	defer f.dir.mu.Unlock()
	if f.done {
		return fs.ErrClosed
	}
	f.done = true
	if err := f.dir.step("commit", f.name); err != nil {
		return err
	}
	if err := f.dir.inUse(f.name); err != nil {
		return err
	}
	f.dir.files[f.name] = f.content
	return f.dir.step("sync", f.name)
}

func (f *newFile) Abandon() {
	f.dir.mu.Lock()
	defer f.dir.mu.Unlock()
	f.done = true
}
