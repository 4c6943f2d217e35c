package staging

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"gocloud.dev/blob"
	"gocloud.dev/blob/driver"

	"convstream/internal/conv"
)

// breaking is a storage whose pages break off: at these shares of them, in turn, and then no
// more. At 0 a page cannot be opened.
type breaking struct {
	flaky
	shares []float64
}

func (b *breaking) NewRangeReader(_ context.Context, key string, _, _ int64, _ *driver.ReaderOptions) (driver.Reader, error) {
	text := b.objects[key]
	if len(b.shares) == 0 || !strings.HasSuffix(key, pageSuffix) {
		return &whole{bytes.NewReader(text), int64(len(text))}, nil
	}
	share := b.shares[0]
	b.shares = b.shares[1:]
	if share == 0 {
		return nil, errors.New("connection refused")
	}
	some := bytes.NewReader(text[:int(share*float64(len(text)))])
	return &broken{whole{some, int64(len(text))}}, nil
}

type broken struct{ whole }

func (b *broken) Read(p []byte) (int, error) {
	n, err := b.whole.Read(p)
	if err == io.EOF {
		err = errors.New("connection reset")
	}
	return n, err
}

// longPage is a page of so many rows that do not compress well.
func longPage(rows int) string {
	rng := rand.NewChaCha8([32]byte{13})
	var b strings.Builder
	for i := range rows {
		noise := make([]byte, 300)
		_, _ = rng.Read(noise) // never fails
		fmt.Fprintf(&b, `,{"conversation.id":"%d","x":"%x"}`, i, noise)
	}
	return `{"data":[` + b.String()[1:] + `],"nextPageToken":null}`
}

// readBreaking reads a page of 4000 rows from a storage that breaks off. Whoever takes a row
// for the first time takes so long for all of its chunk.
func readBreaking(t *testing.T, slow time.Duration, shares ...float64) (rows int, err error) {
	t.Helper()
	b := open(t, "mem://")
	keep(t, b, config, window, job("j", 1), done, longPage(4000))
	b = &Bucket{blob: blob.NewBucket(&breaking{flaky{objects: copied(t, b)}, shares}), place: "breaking://"}
	t.Cleanup(func() { _ = b.Close() })
	err = archive(b, config).Read(t.Context(), window, job("j", 1), conv.Position{}, func(c conv.Chunk) error {
		if came := c.At.Row + len(c.Rows); came > rows {
			rows = came
			time.Sleep(slow)
		}
		return nil
	})
	return rows, err
}

func TestR13_TimeThatRowsTakeToBePublishedIsNotTheStorages(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		if rows, err := readBreaking(t, 16*time.Minute, 0.5); rows != 4000 || err != nil {
			t.Errorf("%d rows, %v", rows, err)
		}
		if rows, err := readBreaking(t, 10*time.Minute, 0.2, 0.4, 0, 0.6, 0.8); rows != 4000 || err != nil {
			t.Errorf("with new rows behind each failure: %d rows, %v", rows, err)
		}
	})
}

func TestR13_AReadThatGoesOnFailingEndsAfterTheLastPatience(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for name, share := range map[string]float64{"it cannot be opened": 0, "it breaks off at the same place": 0.5} {
			shares := make([]float64, 1000)
			for i := range shares {
				shares[i] = share
			}
			began := time.Now()
			rows, err := readBreaking(t, 0, shares...)
			if took := time.Since(began); took != patience || rows == 4000 || !strings.Contains(fmt.Sprint(err), "breaking:///acme/reports/") {
				t.Errorf("%s: %d rows after %s, %v", name, rows, took, err)
			}
		}
	})
}
