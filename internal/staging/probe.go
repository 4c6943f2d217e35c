package staging

import (
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
)

// Probe writes an object beside those of an organisation, lists it, reads it and deletes it.
func (b *Bucket) Probe(ctx context.Context, org string) error {
	const name, text = "probe", "written by convstream doctor\n"
	folder := org + "/.doctor/"
	err := b.write(ctx, folder+name, "text/plain", func(w io.Writer) error {
		_, err := io.WriteString(w, text)
		return err
	})
	if err != nil {
		return err
	}
	listed := false
	if err := b.list(ctx, folder, func(found string) { listed = listed || found == name }); err != nil {
		return err
	}
	if !listed {
		return b.failed("list", folder, errors.New("what was written just now is not there"))
	}
	made, err := answered(ctx, func(ctx context.Context) (string, error) { return b.readProbe(ctx, folder+name, text) })
	if err != nil {
		return b.failed("read", folder+name, err)
	}
	_, err = answered(ctx, func(ctx context.Context) (struct{}, error) { return struct{}{}, b.blob.Delete(ctx, folder+name) })
	if err != nil {
		return b.failed("delete", folder+name, err)
	}
	if made != "" {
		_ = os.Remove(made) // another doctor may be at work in it
	}
	return nil
}

// readProbe reads the object that was written, and says which folder was made for it: "" where
// the place is none.
func (b *Bucket) readProbe(ctx context.Context, key, want string) (folder string, err error) {
	r, err := b.blob.NewReader(ctx, key, nil)
	if err != nil {
		return "", err
	}
	defer r.Close()
	got, err := io.ReadAll(r)
	switch {
	case err != nil:
		return "", err
	case string(got) != want:
		return "", errors.New("what was written just now reads otherwise")
	}
	var under io.Reader
	if b.root != "" && r.As(&under) {
		if file, ok := under.(*os.File); ok {
			folder = filepath.Dir(file.Name())
		}
	}
	return folder, nil
}
