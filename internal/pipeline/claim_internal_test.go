package pipeline

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"

	"convstream/internal/conv"
)

// stubborn is a publisher whose claims fail, so many times.
type stubborn struct {
	Publisher
	err   error
	fails int
	calls int
}

func (s *stubborn) Claim(context.Context, bool) (map[conv.Window]conv.Checkpoint, error) {
	if s.calls++; s.calls <= s.fails {
		return nil, s.err
	}
	return map[conv.Window]conv.Checkpoint{}, nil
}

// commitError is one of a commit.
type commitError struct{ permanent bool }

func (commitError) Error() string     { return "commit: INVALID_PRODUCER_EPOCH" }
func (e commitError) Permanent() bool { return e.permanent }

func TestAClaimWhoseCommitFailsIsTriedAgain(t *testing.T) {
	owned := errors.New("another run owns the pipeline")
	for name, c := range map[string]struct {
		err        error
		fails      int
		want       error
		wantClaims int
	}{
		"at once":          {nil, 0, nil, 1},
		"spoilt once":      {commitError{}, 1, nil, 2},
		"spoilt for good":  {commitError{}, 9, commitError{}, claims},
		"refused for good": {commitError{permanent: true}, 9, commitError{permanent: true}, 1},
		"owned":            {owned, 9, owned, 1},
	} {
		synctest.Test(t, func(t *testing.T) {
			kafka := &stubborn{err: c.err, fails: c.fails}
			p := &Pipeline{kafka: kafka, events: Events{}.orNothing()}
			if _, err := p.claim(t.Context(), false); !errors.Is(err, c.want) || kafka.calls != c.wantClaims {
				t.Errorf("%s: error %v after %d claims, want %v after %d", name, err, kafka.calls, c.want, c.wantClaims)
			}
		})
	}
}
