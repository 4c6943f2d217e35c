package app

import (
	"bytes"
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/rs/zerolog"

	"convstream/internal/conv"
	"convstream/internal/pipeline"
	"convstream/producer"
)

// followers answer call after call.
type followers []func(context.Context, bool) error

func (f *followers) Follow(ctx context.Context, takeOver bool) error {
	next := (*f)[0]
	if len(*f) > 1 {
		*f = (*f)[1:]
	}
	return next(ctx, takeOver)
}

func owned(context.Context, bool) error {
	return &producer.OwnedError{Claim: producer.Claim{Run: "other", Host: producer.Host{Name: "h", PID: 7}}}
}

func TestARunWaitsForALiveOwnerAndSaysSoOnceAMinute(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var out bytes.Buffer
		p := &process{log: zerolog.New(&out)}
		began, ended := time.Now(), errors.New("ended")
		f := &followers{}
		for range 30 {
			*f = append(*f, owned)
		}
		*f = append(*f, func(_ context.Context, takeOver bool) error {
			if waited := time.Since(began); takeOver || waited != 90*time.Second {
				t.Errorf("it follows after %s, taking over: %t", waited, takeOver)
			}
			return ended
		})
		if err := p.follow(t.Context(), f, false); !errors.Is(err, ended) {
			t.Errorf("it ends with %v", err)
		}
		if n := strings.Count(out.String(), `"owner":"other","host":"h","pid":7`); n != 2 {
			t.Errorf("in 90 s the log says %d times whom it waits for, want 2: %s", n, out.String())
		}
	})
}

func TestARunThatIsFencedDoesNotWait(t *testing.T) {
	fenced := &producer.OwnedError{Fenced: true}
	p := &process{log: zerolog.Nop()}
	f := &followers{func(context.Context, bool) error { return fenced }, func(context.Context, bool) error { return errors.New("again") }}
	if err := p.follow(t.Context(), f, false); !errors.Is(err, error(fenced)) {
		t.Errorf("it ends with %v", err)
	}
}

func TestASignalEndsTheWaitForAnOwner(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancelCause(t.Context())
		p := &process{log: zerolog.Nop()}
		time.AfterFunc(10*time.Second, func() { cancel(errInterrupted) })
		if err := p.follow(ctx, &followers{owned}, false); !errors.Is(err, errInterrupted) {
			t.Errorf("it ends with %v", err)
		}
	})
}

func TestARunSaysOnceWhereItGoesOnAndHowMuchIsDue(t *testing.T) {
	root := hours(0, 24)
	for name, c := range map[string]struct {
		known []conv.Checkpoint
		tell  func(pipeline.Events)
		want  string
	}{
		"behind the newest window": {
			[]conv.Checkpoint{
				{Window: hours(-24, 0), State: conv.Settled}, {Window: root, State: conv.Narrowed}, {Window: hours(0, 6), State: conv.Paging, Origin: &root},
				{Window: hours(18, 24), State: conv.Submitted, Origin: &root}, {Window: hours(24, 48), State: conv.Planned},
			},
			func(e pipeline.Events) { e.Claimed(3) }, `"behind":"` + root.String() + `","due":3`,
		},
		"with nothing due":   {[]conv.Checkpoint{{Window: root, State: conv.Settled}}, func(e pipeline.Events) { e.Idle(time.Time{}) }, `"behind":"` + root.String() + `","due":0`},
		"with nothing begun": {[]conv.Checkpoint{{Window: root, State: conv.Planned}}, func(e pipeline.Events) { e.Claimed(1) }, `"due":1,"message":"no window was begun yet`},
	} {
		var out bytes.Buffer
		log := zerolog.New(&out)
		told := 0
		events := withStart(pipeline.Events{Claimed: func(int) { told++ }, Idle: func(time.Time) { told++ }}, func() []conv.Checkpoint { return c.known }, log)
		c.tell(events)
		events.Idle(time.Time{})
		events.Claimed(7)
		if n := strings.Count(out.String(), "\n"); n != 1 || !strings.Contains(out.String(), c.want) || told != 3 {
			t.Errorf("%s: after %d events the log says %s, want %s once", name, told, out.String(), c.want)
		}
	}
}
