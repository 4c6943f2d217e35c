package staging

import (
	"context"
	"errors"
	"io"
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
	got, err := b.blob.ReadAll(ctx, folder+name)
	if err == nil && string(got) != text {
		err = errors.New("what was written just now reads otherwise")
	}
	if err != nil {
		return b.failed("read", folder+name, err)
	}
	if err := b.blob.Delete(ctx, folder+name); err != nil {
		return b.failed("delete", folder+name, err)
	}
	return nil
}
