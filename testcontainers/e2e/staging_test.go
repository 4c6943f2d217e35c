package e2e

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"convstream/testcontainers"
	"convstream/testcontainers/storage"
)

// staged is a world that keeps its pages in a bucket.
func staged(t *testing.T, env *testcontainers.Env, p *platform, server *storage.Server) *world {
	t.Helper()
	return newWorldOf(t, env, p, settings{window: "step: 6h", more: fmt.Sprintf("staging: {url: %q}", server.URL())})
}

// stagedBackfill starts a backfill that finds the bucket's credentials in its environment.
func (w *world) stagedBackfill(t *testing.T, server *storage.Server, args ...string) *process {
	t.Helper()
	return startIn(t, server.Env, convstream, w.config, "backfill", append(w.interval("--json"), args...)...)
}

func TestRealR13_PagesInS3OutliveKillsAndFillNewTopicsWithoutThePlatform(t *testing.T) {
	pagesOutliveKills(t, storage.S3, 200_000, 2)
}

func TestRealR13_PagesInAzureOutliveAKillAndFillNewTopicsWithoutThePlatform(t *testing.T) {
	pagesOutliveKills(t, storage.Azure, 100_000, 1)
}

func TestRealR13_PagesInGoogleCloudOutliveAKillAndFillNewTopicsWithoutThePlatform(t *testing.T) {
	pagesOutliveKills(t, storage.Google, 100_000, 1)
}

// pagesOutliveKills kills a backfill that keeps its pages so many times, and reads them again: into the same topics, and
// into new ones.
func pagesOutliveKills(t *testing.T, start storage.Starter, rows, kills int) {
	t.Helper()
	rows = min(rows, million(t))
	env, dice := testcontainers.RequireReal(t, testcontainers.WithRegistry()), random(t)
	server := start(t)
	w := staged(t, env, newPlatform(t, rows, faults()), server)
	for _, at := range moments(dice, kills, resultBytes(rows)) {
		w.killWriting(t, w.stagedBackfill(t, server), at)
	}
	last := w.stagedBackfill(t, server)
	last.wantExit(t, 0)
	w.wantOnce(t, rows)
	manifests := slices.DeleteFunc(server.Objects(t), func(name string) bool { return !strings.HasSuffix(name, "/job.json") })
	if len(manifests) < 4 || !strings.HasPrefix(manifests[0], "acme/reports/20240101T000000.000Z_20240101T060000.000Z/") {
		t.Errorf("the bucket has %v, want a manifest for each of 4 windows at least", manifests)
	}

	asked := fmt.Sprint(w.platform.Stats())
	var s summary
	again := w.stagedBackfill(t, server, "--from-staging")
	again.wantExit(t, 0)
	again.answer(t, &s)
	if s.Published != int64(rows) || s.Revisions != 0 || len(s.Incomplete) > 0 {
		t.Errorf("read from staging, the same topics hold %+v, want %d rows", s, rows)
	}
	w.wantOnce(t, rows)

	other := staged(t, env, w.platform, server)
	other.stagedBackfill(t, server, "--from-staging").wantExit(t, 0)
	other.wantOnce(t, rows)
	if now := fmt.Sprint(w.platform.Stats()); now != asked {
		t.Errorf("the platform was asked: %s, before %s", now, asked)
	}
	if held := server.Holding(again.stderr.String() + last.stderr.String()); len(held) > 0 {
		t.Errorf("the log holds the storage's secrets %q", held)
	}
}

func TestRealR13_AnOutageOfTheStorageLosesNothing(t *testing.T) {
	for name, start := range storages {
		t.Run(name, func(t *testing.T) {
			rows := min(100_000, million(t))
			env := testcontainers.RequireReal(t, testcontainers.WithRegistry())
			server := start(t)
			w := staged(t, env, newPlatform(t, rows, faults()), server)
			half := resultBytes(rows) / 2
			held, release := w.platform.holding(t, half)
			p := w.stagedBackfill(t, server)
			p.reach(t, held)
			server.Down()
			release()
			p.reach(t, w.platform.passing(half+resultBytes(pageRows)*3/2)) // a whole page has come, and waits to be stored
			server.Up(t)
			p.wantExit(t, 0)
			w.wantOnce(t, rows)
		})
	}
}

// storages are all that staging.url can name, but for a folder.
var storages = map[string]storage.Starter{"S3": storage.S3, "Azure": storage.Azure, "Google Cloud": storage.Google}

func TestRealR13_AWindowThatIsNotInStagingAndABucketThatIsNotThereAreNamed(t *testing.T) {
	for name, start := range storages {
		t.Run(name, func(t *testing.T) {
			env := testcontainers.RequireReal(t, testcontainers.WithRegistry())
			server := start(t)
			w := staged(t, env, newPlatform(t, 1000, faults()), server)
			p := w.stagedBackfill(t, server, "--from-staging")
			p.wantExit(t, 3)
			p.wantVerdict(t, "2024-01-01T00:00:00.000Z/2024-01-01T06:00:00.000Z", "the window is not in staging", server.Place()+"/acme/reports/")
			doctor := startIn(t, server.Env, convstream, w.config, "doctor")
			doctor.wantExit(t, 0)
			if !strings.Contains(doctor.stdout.String(), server.Place()+": objects can be written, listed, read and deleted") {
				t.Error(doctor.stdout.String())
			}
			if left := server.Objects(t); len(left) > 0 {
				t.Errorf("doctor left %v", left)
			}
			wantRefusal(t, w, server)

			server.Bucket = "absent"
			w = staged(t, env, w.platform, server)
			p = w.stagedBackfill(t, server)
			p.wantExit(t, 1)
			p.wantVerdict(t, server.Place(), "there is no such bucket", "check staging.url")
		})
	}
}

// wantRefusal wants a wrong key to be refused with a sentence that names the way out and holds no key.
func wantRefusal(t *testing.T, w *world, server *storage.Server) {
	t.Helper()
	for command, args := range map[string][]string{"backfill": w.interval(), "doctor": nil} {
		p := startIn(t, server.Wrong, convstream, w.config, command, args...)
		p.wantExit(t, 1)
		said := p.stdout.String() + p.stderr.String()
		for _, part := range []string{server.Place(), server.Refusal, "check staging.url"} {
			if !strings.Contains(said, part) {
				t.Errorf("%s does not name %q:\n%s", command, part, said)
			}
		}
		if held := server.Holding(said); len(held) > 0 {
			t.Errorf("%s tells the secrets %q", command, held)
		}
	}
}
