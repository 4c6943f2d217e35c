package e2e

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"convstream/testcontainers"
	"convstream/testcontainers/s3"
)

// staged is a world that keeps its pages in a bucket.
func staged(t *testing.T, env *testcontainers.Env, p *platform, server *s3.Server) *world {
	t.Helper()
	return newWorldOf(t, env, p, settings{window: "step: 6h", more: fmt.Sprintf("staging: {url: %q}", server.URL())})
}

// stagedBackfill starts a backfill that finds the bucket's credentials in its environment.
func (w *world) stagedBackfill(t *testing.T, server *s3.Server, args ...string) *process {
	t.Helper()
	return startIn(t, server.Env(), convstream, w.config, "backfill", append(w.interval("--json"), args...)...)
}

func TestRealR13_PagesInS3OutliveKillsAndFillNewTopicsWithoutThePlatform(t *testing.T) {
	rows := min(200_000, million(t))
	env, dice := testcontainers.RequireReal(t, testcontainers.WithRegistry()), random(t)
	server := s3.Start(t)
	w := staged(t, env, newPlatform(t, rows, faults()), server)
	for _, at := range moments(dice, 2, resultBytes(rows)) {
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
	if text := again.stderr.String() + last.stderr.String(); strings.Contains(text, "throw-away") {
		t.Error("the log holds the storage's secret")
	}
}

func TestRealR13_AnOutageOfTheStorageLosesNothing(t *testing.T) {
	rows := min(100_000, million(t))
	env := testcontainers.RequireReal(t, testcontainers.WithRegistry())
	server := s3.Start(t)
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
}

func TestRealR13_AWindowThatIsNotInStagingAndABucketThatIsNotThereAreNamed(t *testing.T) {
	env := testcontainers.RequireReal(t, testcontainers.WithRegistry())
	server := s3.Start(t)
	w := staged(t, env, newPlatform(t, 1000, faults()), server)
	p := w.stagedBackfill(t, server, "--from-staging")
	p.wantExit(t, 3)
	p.wantVerdict(t, "2024-01-01T00:00:00.000Z/2024-01-01T06:00:00.000Z", "the window is not in staging", "s3://pages/acme/reports/")
	doctor := startIn(t, server.Env(), convstream, w.config, "doctor")
	doctor.wantExit(t, 0)
	if !strings.Contains(doctor.stdout.String(), "s3://pages: objects can be written, listed, read and deleted") {
		t.Error(doctor.stdout.String())
	}
	if left := server.Objects(t); len(left) > 0 {
		t.Errorf("doctor left %v", left)
	}

	server.Bucket = "absent"
	w = staged(t, env, w.platform, server)
	p = w.stagedBackfill(t, server)
	p.wantExit(t, 1)
	p.wantVerdict(t, "s3://absent", "there is no such bucket")

	w = staged(t, env, w.platform, server)
	p = startIn(t, []string{"AWS_ACCESS_KEY_ID=convstream", "AWS_SECRET_ACCESS_KEY=wrong"}, convstream, w.config, "backfill", w.interval()...)
	p.wantExit(t, 1)
	p.wantVerdict(t, "s3://absent", "SignatureDoesNotMatch")
}
