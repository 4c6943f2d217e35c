package pipeline_test

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"convstream/dedupe"
	"convstream/internal/conv"
	"convstream/internal/pipeline"
	"convstream/producer"
)

// scripted: rows per job by a function
type scripted struct {
	mu     sync.Mutex
	n      int
	submit func(w conv.Window, n int)
	status func(job conv.Job) conv.JobStatus
	read   func(ctx context.Context, w conv.Window, job conv.Job, at conv.Position, emit func(conv.Chunk) error) error
	base   func(w conv.Window) int64
}

func (s *scripted) Submit(_ context.Context, w conv.Window) (conv.Job, error) {
	s.mu.Lock()
	s.n++
	n := s.n
	s.mu.Unlock()
	if s.submit != nil {
		s.submit(w, n)
	}
	return conv.Job{ID: fmt.Sprintf("job-%d", n), Submitted: time.Now().UnixMilli(), PlatformTime: time.Now().UnixMilli()}, nil
}
func (s *scripted) Await(ctx context.Context, _ conv.Window, job conv.Job) (conv.JobStatus, error) {
	if s.status != nil {
		return s.status(job), ctx.Err()
	}
	return conv.JobStatus{State: conv.JobDone, Count: -1}, ctx.Err()
}
func (s *scripted) Read(ctx context.Context, w conv.Window, job conv.Job, at conv.Position, emit func(conv.Chunk) error) error {
	return s.read(ctx, w, job, at, emit)
}
func (s *scripted) Cancel(context.Context, conv.Window, conv.Job) error { return nil }

func (s *scripted) Availability(context.Context) (int64, error) { return 0, conv.ErrNoWatermark }
func (s *scripted) Pushed() uint64                              { return 0 }

func (s *scripted) Baseline(_ context.Context, w conv.Window) (int64, error) { return s.base(w), nil }

func (w *world) run(ctx context.Context, source pipeline.Extractor, s setup, iv conv.Window, c pipeline.Contract) (pipeline.Summary, error) {
	kafka, err := producer.Open(ctx, w.kafka(s.run, s.dial))
	if err != nil {
		return pipeline.Summary{}, err
	}
	defer kafka.Close()
	history, err := dedupe.Open(s.files, kafka.Identity(), 1<<20)
	if err != nil {
		w.t.Fatal(err)
	}
	defer history.Close()
	return pipeline.New(s.config, source, c, kafka, history, s.events).Backfill(ctx, iv, s.takeOver)
}

type rec struct {
	key, value, window string
	part               int32
	off                int64
}

func (w *world) records(topic string) (out []rec) {
	r, err := producer.NewReader(w.kafka("checker", nil))
	if err != nil {
		w.t.Fatal(err)
	}
	defer r.Close()
	if err := r.Records(context.Background(), topic, nil, func(k *kgo.Record) error {
		out = append(out, rec{string(k.Key), string(k.Value), string(producer.Header(k, producer.WindowHeader)), k.Partition, k.Offset})
		return nil
	}); err != nil {
		w.t.Fatal(err)
	}
	return out
}

var (
	w1 = conv.Window{From: interval.From, To: interval.From + hour}
	w2 = conv.Window{From: interval.From + hour, To: interval.From + 2*hour}
)
