package pipeline_test

import (
	"context"
	"fmt"
	"sync"
	"time"

	"convstream/dedupe"
	"convstream/internal/conv"
	"convstream/internal/pipeline"
	"convstream/producer"
)

const day = 24 * hour

// newYear is when a synctest bubble begins its time.
const newYear = int64(946684800000)

// talk is a conversation as a lake holds it, from one moment to another.
type talk struct {
	id          string
	start, end  int64 // end 0: it goes on
	content     string
	since, till int64 // when the lake has it; till 0: for ever
}

// lake is a scripted platform of conversations: a job brings every one that lived in its
// window, as the lake has it when the job is submitted, and the count is of whole UTC days.
type lake struct {
	mu      sync.Mutex
	talks   []talk
	behind  time.Duration // by how much the watermark is behind the clock
	jobs    map[string]lakeJob
	windows []conv.Window // of the jobs
	endings []conv.JobState
	counted []conv.Window
	asked   int   // for the watermark
	deny    error // of the count
	breakAt int   // the job of this number is gone behind its first half
	perPage int
	slow    time.Duration // before every page
}

type lakeJob struct {
	n    int
	w    conv.Window
	rows []conv.Row
}

func (l *lake) Submit(_ context.Context, w conv.Window) (conv.Job, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	now := time.Now().UnixMilli()
	l.windows = append(l.windows, w)
	n := len(l.windows)
	job := lakeJob{n: n, w: w}
	for _, c := range l.talks {
		if c.since > now || c.till != 0 && c.till <= now || c.start >= w.To || c.end != 0 && c.end < w.From {
			continue
		}
		row := conv.Row{
			Raw:            fmt.Appendf(nil, `{"conversationId":%q,"content":%q}`, c.id, c.content),
			ConversationID: []byte(c.id), Time: c.start, HasTime: true, Zoned: true, End: c.end, HasEnd: c.end != 0,
		}
		job.rows = append(job.rows, row)
	}
	if n <= len(l.endings) && l.endings[n-1] == conv.JobPartial {
		job.rows = job.rows[:len(job.rows)/2]
	}
	id := fmt.Sprintf("job-%d", n)
	if l.jobs == nil {
		l.jobs = map[string]lakeJob{}
	}
	l.jobs[id] = job
	return conv.Job{ID: id, Submitted: now, PlatformTime: now}, nil
}

func (l *lake) Await(ctx context.Context, _ conv.Window, job conv.Job) (conv.JobStatus, error) {
	pause(3 * time.Second)
	l.mu.Lock()
	defer l.mu.Unlock()
	state := conv.JobDone
	if n := l.jobs[job.ID].n; n <= len(l.endings) {
		state = l.endings[n-1]
	}
	return conv.JobStatus{State: state, Count: -1}, ctx.Err()
}

func (l *lake) Read(_ context.Context, _ conv.Window, job conv.Job, at conv.Position, emit func(conv.Chunk) error) error {
	l.mu.Lock()
	j, broken := l.jobs[job.ID], false
	if j.n == l.breakAt {
		j.rows, broken = j.rows[:len(j.rows)/2], true
	}
	size := max(1, l.perPage)
	if l.perPage == 0 {
		size = max(1, len(j.rows))
	}
	l.mu.Unlock()
	for n := at.Page; ; n++ {
		pause(l.slow)
		from, to := min(n*size, len(j.rows)), min((n+1)*size, len(j.rows))
		c := conv.Chunk{At: conv.Position{Token: token(n), Page: n}, Rows: j.rows[from:to], End: true, Page: conv.PageFacts{Count: -1}}
		if to < len(j.rows) || broken {
			c.Next = token(n + 1)
		}
		if err := emit(c); err != nil {
			return err
		}
		if broken && to == len(j.rows) {
			return conv.ErrJobGone
		}
		if c.Next == "" {
			return nil
		}
	}
}

func token(n int) string {
	if n == 0 {
		return ""
	}
	return fmt.Sprintf("cursor-%d", n)
}

func (l *lake) Cancel(context.Context, conv.Window, conv.Job) error { return nil }
func (l *lake) Pushed() uint64                                      { return 0 }

func (l *lake) Availability(context.Context) (int64, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.asked++
	return time.Now().Add(-l.behind).UnixMilli(), nil
}

func (l *lake) Baseline(_ context.Context, w conv.Window) (n int64, err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.counted = append(l.counted, w)
	now := time.Now().UnixMilli()
	for _, c := range l.talks {
		if w.Contains(c.start) && c.since <= now && (c.till == 0 || c.till > now) {
			n++
		}
	}
	return n, l.deny
}

// chatter is n conversations over a stretch of time, of five minutes each.
func chatter(w conv.Window, n int) []talk {
	var talks []talk
	for i := range n {
		at := w.From + (w.To-w.From)*int64(i)/int64(n)
		talks = append(talks, talk{id: fmt.Sprintf("talk-%04d", i), start: at, end: at + 300_000, content: "first"})
	}
	return talks
}

// conversations is a setup for a lake.
func (w *world) conversations(run string) setup {
	s := w.defaults(run)
	s.config.Dialect, s.config.Conversations = "jobs", true
	s.config.Limit, s.config.Step, s.config.Settle = 0, 24*time.Hour, 72*time.Hour
	return s
}

// follow runs one process that follows the platform, until ctx ends.
func (w *world) follow(ctx context.Context, source pipeline.Extractor, s setup) error {
	kafka, err := producer.Open(ctx, w.kafka(s.run, s.dial))
	if err != nil {
		return err
	}
	defer kafka.Close()
	history, err := dedupe.Open(s.files, kafka.Identity(), 1<<20)
	if err != nil {
		w.t.Fatal(err)
	}
	defer history.Close()
	return pipeline.New(s.config, source, plain{}, quiet{kafka}, history, s.events).Follow(ctx, s.takeOver)
}

// quiet is a producer without heartbeats: days of them take the embedded broker minutes.
type quiet struct{ *producer.Producer }

func (quiet) Heartbeat(context.Context) error { return nil }

// ledger reads what is committed.
func (w *world) ledger() map[conv.Window]conv.Checkpoint {
	w.t.Helper()
	r, err := producer.NewReader(w.kafka("checker", nil))
	if err != nil {
		w.t.Fatal(err)
	}
	defer r.Close()
	ledger, err := r.Ledger(context.Background())
	if err != nil {
		w.t.Fatal(err)
	}
	return ledger.Windows
}

// notes records the events of a run by kind.
type notes struct {
	mu  sync.Mutex
	all []conv.Event
}

func (n *notes) take(e conv.Event) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.all = append(n.all, e)
}

func (n *notes) of(kind string) (list []conv.Event) {
	n.mu.Lock()
	defer n.mu.Unlock()
	for _, e := range n.all {
		if e.Kind == kind {
			list = append(list, e)
		}
	}
	return list
}
