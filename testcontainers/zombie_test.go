package testcontainers_test

import (
	"context"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"convstream/testcontainers"
)

// The zombie is a client whose transactional id another client has taken over while its transaction was open. Whatever
// it tries, nothing of it may be seen and the new owner may not be hurt.
var zombieTricks = []struct {
	name string
	try  func(ctx context.Context, zombie *kgo.Client, topic string) []error
}{
	{"commits", func(ctx context.Context, zombie *kgo.Client, _ string) []error {
		return []error{zombie.EndTransaction(ctx, kgo.TryCommit)}
	}},
	{"produces and commits", func(ctx context.Context, zombie *kgo.Client, topic string) []error {
		return []error{
			send(ctx, zombie, record(topic, "zombie")),
			zombie.EndTransaction(ctx, kgo.TryCommit),
		}
	}},
	{"aborts and starts over", func(ctx context.Context, zombie *kgo.Client, topic string) []error {
		abort := zombie.EndTransaction(ctx, kgo.TryAbort)
		begin := zombie.BeginTransaction()
		if begin != nil {
			return []error{abort, begin}
		}
		return []error{
			abort, begin,
			send(ctx, zombie, record(topic, "zombie")),
			zombie.EndTransaction(ctx, kgo.TryCommit),
		}
	}},
}

func TestRealZombieIsFenced(t *testing.T) {
	for _, version := range []int{2, 1} {
		for _, trick := range zombieTricks {
			t.Run(fmt.Sprintf("v%d %s", version, trick.name), func(t *testing.T) {
				env := testcontainers.RequireReal(t, testcontainers.WithTxnVersion(version))
				topic := env.Topic(t, "zombie", 1, nil)
				zombie := producer(t, env, topic)
				begin(t, zombie)
				produce(t, zombie, topic, "zombie")
				owner := producer(t, env, topic) // fenced the zombie, but has not begun

				errs := trick.try(within(t, time.Minute), zombie, topic)
				t.Logf("ZOMBIE transaction.version=%d %s: %v", version, trick.name, errs)
				if !slices.ContainsFunc(errs, func(err error) bool { return err != nil }) {
					t.Error("the zombie was told nothing")
				}
				ownerUnhurt(t, env, owner, topic)
			})
		}
	}
}

// A zombie that wakes up in the middle of the new owner's transaction.
func TestRealZombieCannotEndItsSuccessorsTransaction(t *testing.T) {
	for _, version := range []int{2, 1} {
		for _, trick := range zombieTricks {
			t.Run(fmt.Sprintf("v%d %s", version, trick.name), func(t *testing.T) {
				env := testcontainers.RequireReal(t, testcontainers.WithTxnVersion(version))
				topic := env.Topic(t, "zombie", 1, nil)
				zombie := producer(t, env, topic)
				begin(t, zombie)
				produce(t, zombie, topic, "zombie")
				owner := producer(t, env, topic)
				begin(t, owner)
				produce(t, owner, topic, "owner 0")

				errs := trick.try(within(t, time.Minute), zombie, topic)
				t.Logf("ZOMBIE transaction.version=%d, successor in a transaction, %s: %v", version, trick.name, errs)
				end(t, owner, kgo.TryCommit)
				ownerUnhurt(t, env, owner, topic, "owner 0")
			})
		}
	}
}

// ownerUnhurt lets the owner commit twice more and checks that nothing else is seen.
func ownerUnhurt(t *testing.T, env *testcontainers.Env, owner *kgo.Client, topic string, want ...string) {
	t.Helper()
	for _, value := range []string{"owner 1", "owner 2"} {
		begin(t, owner)
		produce(t, owner, topic, value)
		end(t, owner, kgo.TryCommit)
		want = append(want, value)
	}
	if got := values(t, env, topic); !slices.Equal(got, want) {
		t.Errorf("committed: %q, want %q", got, want)
	}
}
