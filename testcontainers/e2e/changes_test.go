package e2e

import (
	"crypto/sha256"
	"encoding/json"
	"maps"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"convstream/internal/conv"
	"convstream/internal/simulator"
	"convstream/testcontainers"
)

// The platform goes on changing a day for a while: conversations end, arrive late, are erased on request. A backfill an
// hour behind the day reads it for now, one behind window.settle reads it for good.
func TestRealChangedLateAndErasedConversationsAreReadOnceTheyHaveSettled(t *testing.T) {
	for _, c := range []struct {
		name   string
		killed bool // in the reading that settles
	}{{"undisturbed", false}, {"with a kill", true}} {
		t.Run(c.name, func(t *testing.T) {
			w, before := readForNow(t)
			w.strangerSubmits(t)
			now := bodiesOf(w.platform)
			changed, late, erased := changes(before, now)
			if len(changed) == 0 || len(late) == 0 || len(erased) == 0 {
				t.Fatalf("the platform has changed %d conversations, has %d new ones and erased %d", len(changed), len(late), len(erased))
			}
			w.platform.setClock(day.To + 80*time.Hour.Milliseconds())
			w.settle(t, c.killed)
			w.wantStates(t, map[conv.State]int{conv.Settled: settlingWindows})
			lives := livesOf(w.platform)
			for id := range erased {
				lives[id] = before[id].life // it stays in Kafka
			}
			w.wantOnce(t, len(lives))
			for id, n := range w.wantLives(t, lives) {
				if want := 1 + changed[id]; n != want {
					t.Errorf("conversation %s has %d records, want %d", id, n, want)
				}
			}
			told := w.vanished(t)
			if c.killed { // what was told before the kill may be told again
				for id := range told {
					told[id] = 1
				}
			}
			if !maps.Equal(told, erased) {
				t.Errorf("vanished are %v, want %v", told, erased)
			}
			w.reconcile(t, 0)
			w.wantNothingToDo(t, len(before)+len(changed)+len(late), len(changed))
		})
	}
}

const settlingWindows = 4

// readForNow is a world whose day is published while it may still change. It changes once more jobs are submitted.
func readForNow(t *testing.T) (w *world, read map[string]body) {
	t.Helper()
	const after = settlingWindows + 1
	env := testcontainers.RequireReal(t, testcontainers.WithRegistry())
	p := newPlatform(t, 8_000, simulator.Faults{
		Revise: 300, ReviseAfter: after, Late: 40, LateAfter: after, Removed: 30, RemovedAfter: after, PageRows: 500,
		Unavailable: simulator.Rates{simulator.Results: 0.05}, Cut: simulator.Rates{simulator.Results: 0.05},
	})
	w = newWorldOf(t, env, p, jobs("step: 6h, settle: 72h"))
	p.setClock(day.To + time.Hour.Milliseconds())
	w.backfill(t, convstream).wantExit(t, 0)
	w.wantStates(t, map[conv.State]int{conv.Reconciled: settlingWindows})
	w.wantLives(t, livesOf(p))
	return w, bodiesOf(p)
}

// settle backfills the day again. Behind a process that was killed in it, some windows are read once more: what was read by halves
// tells nothing of what has vanished.
func (w *world) settle(t *testing.T, killed bool) {
	t.Helper()
	if !killed {
		w.backfill(t, convstream).wantExit(t, 0)
		return
	}
	half := detailBytes(w.platform.Count(day)) / 2
	w.backfill(t, convstream).killWhen(t, w.platform.passing(w.platform.soFar()+random(t).Int64N(half)))
	w.backfill(t, convstream).wantExit(t, 0)
}

// wantNothingToDo fails the test unless another backfill submits no job and tells the same figures.
func (w *world) wantNothingToDo(t *testing.T, published, revisions int) {
	t.Helper()
	jobs := len(w.platform.Stats().Jobs)
	p := w.backfill(t, convstream)
	p.wantExit(t, 0)
	var s summary
	p.answer(t, &s)
	if s.Published != int64(published) || s.Revisions != int64(revisions) {
		t.Errorf("the backfill says %+v, want %d published, of which %d are revisions", s, published, revisions)
	}
	if more := len(w.platform.Stats().Jobs) - jobs; more != 0 {
		t.Errorf("%d jobs were submitted for windows that are settled", more)
	}
}

// body is a conversation as the platform tells of it.
type body struct {
	life
	digest [sha256.Size]byte
}

func bodiesOf(p *platform) map[string]body {
	bodies := map[string]body{}
	lives := livesOf(p)
	for c := range p.Conversations(p.span) {
		bodies[c.ID.String()] = body{lives[c.ID.String()], sha256.Sum256(c.Body)}
	}
	return bodies
}

// changes says what is different, each id with 1.
func changes(before, now map[string]body) (changed, late, erased map[string]int) {
	changed, late, erased = map[string]int{}, map[string]int{}, map[string]int{}
	for id, b := range now {
		if old, known := before[id]; !known {
			late[id] = 1
		} else if old.digest != b.digest {
			changed[id] = 1
		}
	}
	for id := range before {
		if _, there := now[id]; !there {
			erased[id] = 1
		}
	}
	return changed, late, erased
}

// wantStates fails the test unless so many windows of the ledger stand so.
func (w *world) wantStates(t *testing.T, want map[conv.State]int) {
	t.Helper()
	got := map[conv.State]int{}
	for _, cp := range w.ledger(t).Windows {
		got[cp.State]++
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("states of windows (-want +got):\n%s", diff)
	}
}

// vanished is how often the events topic names each conversation as vanished.
func (w *world) vanished(t *testing.T) map[string]int {
	t.Helper()
	told := map[string]int{}
	for _, e := range w.eventsOf(t, "vanished") {
		names, _ := e.Detail["conversations"].([]any)
		for _, name := range names {
			told[name.(string)]++
		}
	}
	return told
}

// eventsOf reads the events of a kind.
func (w *world) eventsOf(t *testing.T, kind string) (events []conv.Event) {
	t.Helper()
	for _, r := range w.env.Committed(t, w.topics.Events) {
		var e conv.Event
		if err := json.Unmarshal(r.Value, &e); err != nil {
			t.Fatalf("event at offset %d: %v: %s", r.Offset, err, r.Value)
		}
		if e.Kind == kind {
			events = append(events, e)
		}
	}
	return events
}

// strangerSubmits submits a job that is none of convstream's.
func (w *world) strangerSubmits(t *testing.T) {
	t.Helper()
	var token struct {
		AccessToken string `json:"access_token"`
	}
	form := url.Values{"grant_type": {"client_credentials"}, "client_id": {simulator.DefaultClientID}, "client_secret": {simulator.DefaultClientSecret}}
	w.post(t, "/oauth/token", "application/x-www-form-urlencoded", form.Encode(), "", &token)
	var job struct {
		JobID string `json:"jobId"`
	}
	w.post(t, "/api/v2/analytics/conversations/details/jobs", "application/json", `{"interval":"`+day.String()+`"}`, token.AccessToken, &job)
	if job.JobID == "" {
		t.Fatal("the platform takes no job")
	}
}

func (w *world) post(t *testing.T, path, contentType, sent, token string, into any) {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, w.platform.url+path, strings.NewReader(sent))
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Content-Type", contentType)
	if token != "" {
		request.Header.Set("Authorization", "Bearer "+token)
	}
	answer, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	if err := json.NewDecoder(answer.Body).Decode(into); err != nil || answer.StatusCode >= http.StatusBadRequest {
		t.Fatalf("%s: %s, %v", path, answer.Status, err)
	}
}
