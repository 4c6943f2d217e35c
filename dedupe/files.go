package dedupe

import "io"

// Files is the directory that a history has to itself. Its names are plain file names.
type Files interface {
	// Create starts a file that takes the place of name, if there is one, when it is
	// committed, and leaves no trace otherwise.
	Create(name string) (NewFile, error)
	// Open opens a committed file. A missing one is an error that wraps fs.ErrNotExist.
	Open(name string) (File, error)
	// Remove removes a committed file for good: it does not come back after a power cut.
	// Removing a missing file is no error.
	Remove(name string) error
	// List names the committed files, in any order.
	List() ([]string, error)
}

// NewFile is a file that is being written.
type NewFile interface {
	io.Writer
	// Commit makes the content durable and then gives the file its name, in one step: a
	// reader finds the old content or the new. After an error it may be either. The history
	// holds no open File of that name while it calls Commit.
	Commit() error
	// Abandon gives the file up. After Commit it does nothing.
	Abandon()
}

// File is a committed file, open for reading.
type File interface {
	io.ReaderAt
	io.Closer
	Size() int64
}
