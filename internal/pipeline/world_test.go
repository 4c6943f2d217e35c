package pipeline_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"sync"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"

	"convstream/dedupe"
	"convstream/dedupe/memfiles"
	"convstream/internal/conv"
	"convstream/internal/pipeline"
	"convstream/producer"
)

const hour = int64(3_600_000)

// interval is what the tests publish: four windows of an hour, on the day before a synctest
// bubble begins its time.
var interval = conv.Window{From: 946598400000, To: 946598400000 + 4*hour} // 1999-12-31

// platform is a scripted source: every window has pages of rows, and neighbouring windows
// share the rows on their edge.
type platform struct {
	mu        sync.Mutex
	rows      []conv.Row // in order of time
	pageRows  int
	jobs      map[string]conv.Window
	submitted int
	cancelled []string
	endings   []conv.JobState // of the jobs in order of submission; done when used up
	short     int64           // by how much the count is above the truth
	pages     map[string]int  // how often each page was asked for, by job and token
	slow      time.Duration   // wait between two pages
	claims    int64           // row count of every result by its pages, 0 for none
}

func newPlatform(n, pageRows int) *platform {
	p := &platform{pageRows: pageRows, jobs: map[string]conv.Window{}, pages: map[string]int{}}
	span := interval.To - interval.From
	for i := range n {
		at := interval.From + span*int64(i)/int64(n)
		p.rows = append(p.rows, makeRow(fmt.Sprintf("conv-%04d", i), at, "content"))
	}
	return p
}

func makeRow(id string, at int64, content string) conv.Row {
	raw := fmt.Sprintf(`{"conversation.id":%q,"timestamp":%d,"content":%q}`, id, at, content)
	return conv.Row{Raw: []byte(raw), ConversationID: []byte(id), Time: at, HasTime: true, Zoned: true}
}

func (p *platform) Submit(_ context.Context, w conv.Window) (conv.Job, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.submitted++
	now := time.Now().UnixMilli()
	job := conv.Job{ID: fmt.Sprintf("job-%d", p.submitted), Submitted: now, PlatformTime: now}
	p.jobs[job.ID] = w
	return job, nil
}

func (p *platform) Await(ctx context.Context, _ conv.Window, job conv.Job) (conv.JobStatus, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if _, ok := p.jobs[job.ID]; !ok {
		return conv.JobStatus{}, conv.ErrJobGone
	}
	state := conv.JobDone
	var n int
	if _, err := fmt.Sscanf(job.ID, "job-%d", &n); err == nil && n <= len(p.endings) {
		state = p.endings[n-1]
	}
	return conv.JobStatus{State: state, Count: -1}, ctx.Err()
}

// page returns the rows of a window's page. The last row of a page is the first of the next.
func (p *platform) page(job conv.Job, n int) (rows []conv.Row, last bool) {
	w := p.jobs[job.ID]
	var all []conv.Row
	for _, r := range p.rows {
		if w.From-1 <= r.Time && r.Time <= w.To { // both edges, as the platform does
			all = append(all, r)
		}
	}
	from := max(0, n*p.pageRows-1)
	to := min(len(all), (n+1)*p.pageRows)
	return all[min(from, to):to], to == len(all)
}

func (p *platform) Read(ctx context.Context, _ conv.Window, job conv.Job, at conv.Position, emit func(conv.Chunk) error) error {
	for n := at.Page; ; n++ {
		if p.slow > 0 {
			select {
			case <-time.After(p.slow):
			case <-ctx.Done():
				return ctx.Err()
			}
		}
		p.mu.Lock()
		rows, last := p.page(job, n)
		p.pages[fmt.Sprintf("%s/%d", job.ID, n)]++
		p.mu.Unlock()
		token := ""
		if n > 0 {
			token = fmt.Sprintf("page %d", n)
		}
		half := len(rows) / 2
		c := conv.Chunk{At: conv.Position{Token: token, Page: n}, Rows: rows[:half]}
		if err := emit(c); err != nil {
			return err
		}
		c = conv.Chunk{At: conv.Position{Token: token, Page: n, Row: half}, Rows: rows[half:], End: true, Page: conv.PageFacts{Count: p.says()}}
		if !last {
			c.Next = fmt.Sprintf("page %d", n+1)
		}
		if err := emit(c); err != nil || last {
			return err
		}
	}
}

func (p *platform) Cancel(_ context.Context, _ conv.Window, job conv.Job) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.cancelled = append(p.cancelled, job.ID)
	return nil
}

func (p *platform) Availability(context.Context) (int64, error) { return 0, conv.ErrNoWatermark }
func (p *platform) Pushed() uint64                              { return 0 }

func (p *platform) Baseline(_ context.Context, w conv.Window) (int64, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	n := p.short
	for _, r := range p.rows {
		if w.Contains(r.Time) {
			n++
		}
	}
	return n, nil
}

// says is the row count that pages claim, -1 for none.
func (p *platform) says() int64 {
	if p.claims == 0 {
		return -1
	}
	return p.claims
}

// plain is a contract whose values are the rows as they came.
type plain struct{}

func (plain) Encode(dst []byte, _ uint32, row *conv.Row, _ *[]conv.Deviation) ([]byte, conv.Facts) {
	if string(row.Raw) == `"no object"` {
		return dst, conv.Facts{Reject: &conv.Reject{Reason: conv.ReasonNotAnObject}}
	}
	return append(dst, row.Raw...), conv.Facts{Fingerprint: conv.Hash64(row.Raw)}
}

// world is an embedded Kafka on a network in memory, for use in a synctest bubble.
type world struct {
	t       *testing.T
	net     *kfake.VirtualNetwork
	cluster *kfake.Cluster
	routes  []producer.RouteTopic
}

func newWorld(t *testing.T) *world {
	w := &world{t: t, net: &kfake.VirtualNetwork{}}
	c, err := kfake.NewCluster(kfake.NumBrokers(1), kfake.Ports(9092), kfake.ListenFn(w.net.Listen))
	if err != nil {
		t.Fatal(err)
	}
	w.cluster = c
	return w
}

func (w *world) kafka(run string, dial dialer) producer.Config {
	if dial == nil {
		dial = w.net.DialContext
	}
	return producer.Config{
		Brokers: []string{"localhost:9092"}, Dial: dial,
		Pipeline: "test", Org: "acme", Run: run, CreateTopics: true, Partitions: 2, Compression: "none",
		Topics: producer.Topics{Rows: "rows", DeadLetters: "dlq", Events: "events", Checkpoints: "ledger", Routes: w.routes},
	}
}

type dialer = func(ctx context.Context, network, addr string) (net.Conn, error)

// setup is one process: what a run needs, and what tests change about it.
type setup struct {
	run      string
	dial     dialer
	takeOver bool
	config   pipeline.Config
	events   pipeline.Events
	files    dedupe.Files
}

func (w *world) defaults(run string) setup {
	return setup{run: run, files: memfiles.New(), config: pipeline.Config{
		Org: "acme", Dialect: "reports", Query: "q", Limit: 1000, Step: time.Hour, Windows: 2,
		Interval: time.Second, Bytes: 2000, Reconcile: true, Threshold: 0.05,
	}}
}

// backfill runs one process to its end, or until ctx ends.
func (w *world) backfill(ctx context.Context, source pipeline.Extractor, s setup) (pipeline.Summary, error) {
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
	return pipeline.New(s.config, source, plain{}, kafka, history, s.events).Backfill(ctx, interval, s.takeOver)
}

// want fails unless every row of the platform is in Kafka once, and the ledger balances.
func (w *world) want(p *platform) (ok bool) {
	w.t.Helper()
	r, err := producer.NewReader(w.kafka("checker", nil))
	if err != nil {
		w.t.Fatal(err)
	}
	defer r.Close()
	got := map[string]int{}
	err = r.Records(context.Background(), "rows", nil, func(rec *kgo.Record) error {
		got[string(rec.Key)+" "+string(rec.Value)]++
		return nil
	})
	if err != nil {
		w.t.Fatal(err)
	}
	ok = true
	for _, row := range p.rows {
		if n := got[string(row.ConversationID)+" "+string(row.Raw)]; n != 1 {
			w.t.Errorf("row %s is in Kafka %d times", row.ConversationID, n)
			ok = false
		}
	}
	if len(got) != len(p.rows) {
		w.t.Errorf("Kafka holds %d different rows, want %d", len(got), len(p.rows))
		ok = false
	}
	ledger, err := r.Ledger(context.Background())
	if err != nil {
		w.t.Fatal(err)
	}
	var total conv.Counters
	for window, cp := range ledger.Windows {
		total = total.Add(cp.Counters)
		if !cp.Counters.Balanced() {
			w.t.Errorf("window %s does not balance: %+v", window, cp.Counters)
			ok = false
		}
	}
	if total.Published != int64(len(p.rows)) {
		w.t.Errorf("the ledger counts %d rows published, want %d", total.Published, len(p.rows))
		ok = false
	}
	return ok
}

// cutter counts the network writes of a process and cuts the connection at one of them:
// before it is delivered or after. With kill, nothing of the process passes from then on.
type cutter struct {
	under dialer
	at    int
	after bool
	kill  func()

	mu   sync.Mutex
	n    int
	dead bool
}

var errCut = errors.New("connection cut by the test")

func (c *cutter) dial(ctx context.Context, network, addr string) (net.Conn, error) {
	c.mu.Lock()
	dead := c.dead
	c.mu.Unlock()
	if dead {
		return nil, errCut
	}
	conn, err := c.under(ctx, network, addr)
	if err != nil {
		return nil, err
	}
	return &cutConn{Conn: conn, c: c}, nil
}

// die lets nothing pass from now on.
func (c *cutter) die() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.dead = true
}

// struck says whether the cut was reached.
func (c *cutter) struck() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.n > c.at
}

type cutConn struct {
	net.Conn
	c *cutter
}

func (c *cutConn) Write(b []byte) (int, error) {
	c.c.mu.Lock()
	dead := c.c.dead
	hit := c.c.n == c.c.at
	c.c.n++
	if hit && c.c.kill != nil {
		c.c.dead = true
	}
	c.c.mu.Unlock()
	if dead {
		_ = c.Close()
		return 0, errCut
	}
	if !hit {
		return c.Conn.Write(b)
	}
	if c.c.after {
		_, _ = c.Conn.Write(b)
	}
	_ = c.Close()
	if c.c.kill != nil {
		c.c.kill()
	}
	return 0, errCut
}

func (c *cutConn) Read(b []byte) (int, error) {
	n, err := c.Conn.Read(b)
	c.c.mu.Lock()
	defer c.c.mu.Unlock()
	if c.c.dead {
		return 0, errCut
	}
	return n, err
}

// count returns the number of committed records of a topic.
func (w *world) count(topic string) (n int) {
	w.t.Helper()
	r, err := producer.NewReader(w.kafka("checker", nil))
	if err != nil {
		w.t.Fatal(err)
	}
	defer r.Close()
	if err := r.Records(context.Background(), topic, nil, func(*kgo.Record) error { n++; return nil }); err != nil {
		w.t.Fatal(err)
	}
	return n
}

// poisoned adds rows to the first page of the first window.
type poisoned struct {
	*platform
	extra []conv.Row
	done  bool
}

func (p *poisoned) Read(ctx context.Context, w conv.Window, job conv.Job, at conv.Position, emit func(conv.Chunk) error) error {
	if w.From == interval.From && !p.done {
		p.done = true
		if err := emit(conv.Chunk{At: at, Rows: p.extra}); err != nil {
			return err
		}
	}
	return p.platform.Read(ctx, w, job, at, emit)
}
