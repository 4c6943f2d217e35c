package staging

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"

	"convstream/internal/conv"
)

// Manifest says what is kept of a job whose result was read to its end.
type Manifest struct {
	Version int         `json:"version"`
	Org     string      `json:"org"`
	Dialect string      `json:"dialect"`
	Query   string      `json:"query"` // hash of the submit payload's fixed part
	Window  conv.Window `json:"window"`
	Job     conv.Job    `json:"job"`
	Status  string      `json:"status"`          // the platform's own word
	Partial bool        `json:"partial"`         // rows are missing
	Count   *int64      `json:"count,omitempty"` // rows, as the platform's status had it
	Pages   int         `json:"pages"`
}

const manifestVersion = 1

// status is what the platform said of the job.
func (m *Manifest) status() conv.JobStatus {
	s := conv.JobStatus{State: conv.JobDone, Word: m.Status, Progress: -1, Count: -1}
	if m.Partial {
		s.State = conv.JobPartial
	}
	if m.Count != nil {
		s.Count = *m.Count
	}
	return s
}

func (b *Bucket) writeManifest(ctx context.Context, folder string, m Manifest) error {
	text, err := json.MarshalIndent(m, "", "  ")
	if err != nil {
		return err
	}
	return b.write(ctx, folder+manifestName, "application/json", func(w io.Writer) error {
		_, err := w.Write(append(text, '\n'))
		return err
	})
}

// readManifest returns nil where a folder has no manifest.
func (b *Bucket) readManifest(ctx context.Context, folder string) (*Manifest, error) {
	key := folder + manifestName
	text, err := answered(ctx, func(ctx context.Context) ([]byte, error) { return b.blob.ReadAll(ctx, key) })
	if absent(err) {
		return nil, nil
	}
	if err != nil {
		return nil, b.failed("read", key, err)
	}
	var m Manifest
	if err := json.NewDecoder(bytes.NewReader(text)).Decode(&m); err != nil {
		return nil, b.damaged(key, err)
	}
	if m.Version != manifestVersion {
		return nil, b.damaged(key, fmt.Errorf("its version is %d, want %d", m.Version, manifestVersion))
	}
	return &m, nil
}
