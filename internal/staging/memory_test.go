package staging

import (
	"fmt"
	"io"
	"path/filepath"
	"runtime"
	"testing"

	"convstream/internal/conv"
)

// endless is a page of so many rows that is made while it is read. It notes the most memory that
// was in use meanwhile.
type endless struct {
	rows, next int
	rest       []byte
	most       uint64
}

func (e *endless) Read(p []byte) (int, error) {
	if len(e.rest) == 0 {
		switch {
		case e.next > e.rows:
			return 0, io.EOF
		case e.next == 0:
			e.rest = []byte(`{"data":[{"conversation.id":"first"}`)
		case e.next == e.rows:
			e.rest = []byte(`],"nextPageToken":null}`)
		default:
			e.rest = fmt.Appendf(nil, `,{"conversation.id":"%08x-%08x","phone":"%d","other":"%x"}`, e.next*2654435761, e.next*40503, e.next, e.next*e.next)
		}
		if e.next%20_000 == 0 {
			e.most = max(e.most, inUse())
		}
		e.next++
	}
	n := copy(p, e.rest)
	e.rest = e.rest[n:]
	return n, nil
}

func inUse() uint64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

func TestR13_MemoryDoesNotGrowWithThePage(t *testing.T) {
	const rows, most = 150_000, 16 << 20
	for name, redactor := range map[string]Redactor{"as it came": nil, "redacted": masker{}} {
		b := open(t, "file://"+filepath.ToSlash(t.TempDir()))
		before := inUse()
		page := &endless{rows: rows}
		if err := NewStage(b, config, reports, redactor).Page(t.Context(), window, job("j", 1), 0, page); err != nil {
			t.Fatal(err)
		}
		if grown := int64(page.most) - int64(before); grown > most {
			t.Errorf("%s: a page of %d rows takes %d bytes of memory to keep", name, rows, grown)
		}
		r, err := b.read(t.Context(), config.folder(window, job("j", 1))+pageName(0))
		if err != nil {
			t.Fatal(err)
		}
		read, inUseMost := 0, uint64(0)
		err = split(r, reports.splitter(), conv.Position{}, func(c conv.Chunk) error {
			if read/20_000 != (read+len(c.Rows))/20_000 {
				inUseMost = max(inUseMost, inUse())
			}
			read += len(c.Rows)
			return nil
		})
		if grown := int64(inUseMost) - int64(before); err != nil || read != rows || grown > most {
			t.Errorf("%s: %d rows read with %d bytes of memory, %v", name, read, grown, err)
		}
		_ = r.Close()
	}
}
