package main

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"convstream/internal/simulator"
)

// keptPages counts the pages and the manifests below a folder.
func keptPages(t *testing.T, dir string) (pages, manifests int) {
	t.Helper()
	err := filepath.WalkDir(dir, func(_ string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.Name() == "job.json":
			manifests++
		case strings.HasSuffix(d.Name(), ".json.zst"):
			pages++
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return pages, manifests
}

func TestR13_ABackfillFromStagingAsksThePlatformForNothing(t *testing.T) {
	t.Parallel()
	const rows, unfit = 2000, 200
	w := unfitWorld(t, rows)
	if r := w.run(nil, append([]string{"backfill", "--from-staging"}, interval...)...).must(t, 2); !strings.Contains(r.stderr, "staging.url") {
		t.Errorf("without staging it says %s", r.stderr)
	}
	folder := filepath.Join(w.dir, "pages")
	env := []string{"CONVSTREAM_STAGING_URL=file://" + filepath.ToSlash(folder)}
	lines, _ := w.doctor(0, env...)
	has(t, lines, "staging ok", folder, "written, listed, read and deleted")
	if left, err := filepath.Glob(filepath.Join(folder, "*", ".doctor")); err != nil || len(left) > 0 {
		t.Errorf("the doctor leaves %v, %v", left, err)
	}
	backfill := func(environ []string, args ...string) figures {
		t.Helper()
		return w.run(environ, append(append([]string{"backfill", "--json"}, interval...), args...)...).must(t, 0).figures(t)
	}
	first := backfill(env)
	if pages, manifests := keptPages(t, folder); manifests != 4 || pages < rows/90 {
		t.Errorf("%d pages of %d jobs are kept", pages, manifests)
	}
	asked := fmt.Sprint(w.sim.Stats())

	if log := w.run(env, append([]string{"backfill", "--from-staging"}, interval...)...).must(t, 0).stderr; strings.Contains(log, "job submitted") || !strings.Contains(log, "read from staging") {
		t.Errorf("the log says %s", log)
	}
	if again := backfill(env, "--from-staging"); again.Published != first.Published || again.Invalid != first.Invalid || again.Fetched != 3*first.Fetched {
		t.Errorf("the figures were %+v, and are %+v", first, again)
	}
	w.mend()
	for range 2 { // rows that the contract refused are new under another; a second reading finds nothing
		if mended := backfill(env, "--from-staging"); mended.Published != rows || mended.Revisions != 0 {
			t.Errorf("with the contract mended: %+v", mended)
		}
	}
	w.run(nil, append([]string{"verify"}, interval...)...).must(t, 0)

	other := append(env, "CONVSTREAM_PIPELINE=other", "CONVSTREAM_KAFKA_TOPICS_CONVERSATIONS=other", "CONVSTREAM_KAFKA_TOPICS_DLQ=other.dlq",
		"CONVSTREAM_KAFKA_TOPICS_EVENTS=other.events", "CONVSTREAM_KAFKA_TOPICS_CHECKPOINTS=other.checkpoints", "CONVSTREAM_KAFKA_TOPICS_SPEECH=other.speech")
	if filled := backfill(other, "--from-staging"); filled.Published != rows || filled.Windows != 4 {
		t.Errorf("new topics are filled with %+v", filled)
	}
	w.run(other, append([]string{"verify"}, interval...)...).must(t, 0)
	if now := fmt.Sprint(w.sim.Stats()); now != asked {
		t.Errorf("the platform was asked: %s, and before %s", now, asked)
	}
}

func TestWhatTheQueryOfTheStagingURLHoldsIsNotTold(t *testing.T) {
	t.Parallel()
	w := newWorld(t, scene{Platform: simulator.Config{Rows: 10}})
	folder := "file://" + filepath.ToSlash(filepath.Join(w.dir, "pages"))
	for url, code := range map[string]int{folder + "?dir_file_mode=geheimnis": 1, folder + "?base_url=geheimnis": 1, folder + "?metadata=geheimnis": 0} {
		env := []string{"CONVSTREAM_STAGING_URL=" + url}
		lines, r := w.doctor(code, env...)
		status := map[int]string{0: "staging ok", 1: "staging failed"}[code]
		has(t, lines, status, folder)
		w.mustNotTell(r, "geheimnis")
		r = w.run(env, append([]string{"backfill"}, interval...)...).must(t, code)
		w.mustNotTell(r, "geheimnis")
	}
}

func TestR13_AWindowThatIsNotInStagingExits3AndIsNamed(t *testing.T) {
	t.Parallel()
	w := newWorld(t, scene{Platform: simulator.Config{Rows: 100}})
	env := []string{"CONVSTREAM_STAGING_URL=file://" + filepath.ToSlash(w.dir) + "/pages"}
	r := w.run(env, append([]string{"backfill", "--from-staging"}, interval...)...).must(t, 1)
	if _, err := os.Stat(filepath.Join(w.dir, "pages")); err == nil || !strings.Contains(r.stderr, "there is no such folder; check staging.url") {
		t.Errorf("of a folder that is not there it says %q, and made it: %t", r.stderr, err == nil)
	}
	if err := os.Mkdir(filepath.Join(w.dir, "pages"), 0o700); err != nil {
		t.Fatal(err)
	}
	r = w.run(env, append([]string{"backfill", "--from-staging"}, interval...)...).must(t, 3)
	for _, part := range []string{"2024-01-01T00:00:00.000Z/2024-01-01T06:00:00.000Z", "the window is not in staging", "backfill without --from-staging"} {
		if said := r.sentences(); len(said) != 1 || !strings.Contains(said[0], part) || strings.Contains(said[0], "same command") {
			t.Errorf("%q does not say %q", said, part)
		}
	}
}
