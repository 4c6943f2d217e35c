package staging

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"syscall"
)

// A file that was synced and renamed can still be lost with the power, as long as its name is not
// on the disk. Names are kept by the folder, and that of a new folder by the one above it.

// persist syncs a folder below the root, and those above it up to the root. All of them each time:
// which are new is not known once a process has died, and to sync one that is unchanged costs little.
func (b *Bucket) persist(folder string) error {
	for ; len(folder) >= len(b.root); folder = filepath.Dir(folder) {
		if err := b.sync(folder); err != nil {
			return err
		}
		if folder == filepath.Dir(folder) {
			break
		}
	}
	return nil
}

// missing lists the folders that have to be made for one, and above them the one that is there.
func missing(folder string) (folders []string) {
	for {
		folders = append(folders, folder)
		_, err := os.Stat(folder)
		above := filepath.Dir(folder)
		if !errors.Is(err, fs.ErrNotExist) || above == folder {
			break
		}
		folder = above
	}
	if len(folders) == 1 {
		return nil
	}
	return folders
}

// persistMade syncs folders that were made, and the one above them.
func (b *Bucket) persistMade(folders []string) error {
	for _, folder := range folders {
		if err := b.sync(folder); err != nil {
			return b.failed("make", "", err)
		}
	}
	return nil
}

// tryWriting makes a file in the folder, which is told at the start if it may not be written to.
func (b *Bucket) tryWriting() error {
	f, err := os.CreateTemp(b.root, "*.tmp")
	if err != nil {
		return b.failed("write", "", err)
	}
	if err := errors.Join(f.Close(), os.Remove(f.Name())); err != nil {
		return b.failed("delete", "", err)
	}
	return nil
}

// unwritable says that a folder may not be written to.
func unwritable(err error) bool {
	return errors.Is(err, fs.ErrPermission) || errors.Is(err, syscall.EROFS)
}

// syncFolder writes the names in a folder to the disk. Windows has no such call, nor have some
// file systems of the network or of FUSE: there the names are left to the system.
func syncFolder(folder string) error {
	if runtime.GOOS == "windows" {
		return nil
	}
	f, err := os.Open(folder)
	if err != nil {
		return err
	}
	syncing := f.Sync()
	if errors.Is(syncing, errors.ErrUnsupported) || errors.Is(syncing, syscall.EINVAL) {
		syncing = nil
	}
	return errors.Join(syncing, f.Close())
}
