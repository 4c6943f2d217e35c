package sdk

import (
	"context"
	"maps"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// jobs are what the SDKs ask for, and what of the truth is to come.
var jobs = []struct {
	name string
	body body
	want func(all []truth) []truth
}{
	{
		"everything",
		body{"interval": world.String(), "order": "asc", "orderBy": "conversationStart"},
		func(all []truth) []truth { return all },
	},
	{
		"nothing",
		body{"interval": interval{date(-300), date(-299)}.String()},
		func([]truth) []truth { return nil },
	},
	{
		"what started on a day",
		body{"interval": day.String(), "startOfDayIntervalMatching": true},
		only(startedOn(day)),
	},
	{
		"what ended, of all that a day saw",
		body{"interval": day.String(), "conversationFilters": filter("and", body{
			"type": "dimension", "dimension": "conversationEnd", "operator": "exists",
		})},
		only(func(c truth) bool {
			return c.End != nil && c.Start < day.to.UnixMilli() && *c.End >= day.from.UnixMilli()
		}),
	},
	{
		"voice of a day",
		body{"interval": day.String(), "startOfDayIntervalMatching": true, "segmentFilters": filter("or", body{
			"type": "dimension", "dimension": "mediaType", "operator": "matches", "value": "voice",
		})},
		only(func(c truth) bool { return startedOn(day)(c) && hasMedia(c, "voice") }),
	},
	{
		"the last ten",
		body{"interval": world.String(), "order": "desc", "orderBy": "conversationStart", "limit": 10},
		func(all []truth) []truth {
			last := slices.Clone(all[len(all)-10:])
			slices.Reverse(last)
			return last
		},
	},
}

func filter(kind string, predicates ...body) []body {
	return []body{{"type": kind, "predicates": predicates}}
}

func only(takes func(truth) bool) func([]truth) []truth {
	return func(all []truth) (some []truth) {
		for _, c := range all {
			if takes(c) {
				some = append(some, c)
			}
		}
		return some
	}
}

func startedOn(i interval) func(truth) bool { return func(c truth) bool { return i.has(c.Start) } }

// hasMedia says whether some session of the conversation is of the media type.
func hasMedia(c truth, media string) bool {
	for _, p := range members(c.Whole, "participants") {
		for _, s := range members(p, "sessions") {
			if s.(map[string]any)["mediaType"] == media {
				return true
			}
		}
	}
	return false
}

func members(object any, name string) []any {
	list, _ := object.(map[string]any)[name].([]any)
	return list
}

func TestRealVendorSDKDrivesTheSimulator(t *testing.T) {
	for _, vendor := range vendorSDKs {
		t.Run(vendor.name, func(t *testing.T) {
			vendor.require(t)
			ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute) // the first run downloads
			defer cancel()
			plain, busy := simulate(ctx, t, plainFaults), simulate(ctx, t, busyFaults)
			p := newPlan()
			p.Plain, p.Busy = plain.url, busy.url
			p.Unhelpful = simulate(ctx, t, unhelpfulFaults).url
			p.Agent, p.Nobody = simulate(ctx, t, agentFaults).url, simulate(ctx, t, nobodyFaults).url

			found := vendor.drive(ctx, t, p)

			all := plain.truth(ctx, t)
			checkAvailability(t, "availability", found.Available)
			checkCancelled(t, found.Cancelled)
			checkJobs(t, p, all, found.Jobs)
			checkQuery(t, p, all, plain.count(ctx, t, day), found.Query)
			checkRefusals(t, vendor, found.Refusals)
			checkEnums(t, vendor, found.Enums)
			if taken, refused := busy.submits(ctx, t, "202"), busy.submits(ctx, t, "429"); taken != 2 || refused == 0 {
				t.Errorf("the busy platform took %d jobs and refused %d, want 2 in the end and some", taken, refused)
			}
		})
	}
}

func checkAvailability(t *testing.T, where string, got *int64) {
	t.Helper()
	want, err := time.Parse(time.RFC3339, watermark)
	if err != nil {
		t.Fatal(err)
	}
	if got == nil || *got != want.UnixMilli() {
		t.Errorf("%s: %s, want %s", where, at(got), watermark)
	}
}

func checkCancelled(t *testing.T, got cancelled) {
	t.Helper()
	if got.Before != "QUEUED" && got.Before != "PENDING" || got.Status != 204 || got.After != "CANCELLED" || got.Results.Status != 400 {
		t.Errorf("a job that is cancelled: %+v; want 204, CANCELLED, and no results", got)
	}
}

func checkJobs(t *testing.T, p plan, all []truth, got []foundJob) {
	t.Helper()
	if len(got) != len(jobs) {
		t.Fatalf("%d jobs, want %d", len(got), len(jobs))
	}
	for i, job := range jobs {
		t.Run(job.name, func(t *testing.T) {
			want, got := job.want(all), got[i]
			if got.Name != job.name {
				t.Fatalf("job %q in its place", got.Name)
			}
			checkLife(t, got)
			sizes := []int{}
			for _, page := range got.Pages {
				sizes = append(sizes, page.Rows)
				checkAvailability(t, "a page's availability", page.Available)
			}
			checkConversations(t, want, got.Conversations)
			if full := pages(len(want), p.PageSize); !slices.Equal(sizes, full) {
				t.Errorf("pages of %v conversations, want %v", sizes, full)
			}
		})
	}
}

// checkLife checks what a job's status said: it went through words that the platform has, and its dates.
func checkLife(t *testing.T, j foundJob) {
	t.Helper()
	for i, state := range j.States {
		last := i == len(j.States)-1
		if last != (state == "FULFILLED") || !last && state != "QUEUED" && state != "PENDING" {
			t.Fatalf("states %q; want QUEUED and PENDING, and FULFILLED in the end", j.States)
		}
	}
	if j.Submitted == nil || j.Completed == nil || j.Expires == nil {
		t.Fatalf("submitted %s, completed %s, expires %s; want all three", at(j.Submitted), at(j.Completed), at(j.Expires))
	}
	if d := *j.Completed - *j.Submitted; d != jobTime.Milliseconds() {
		t.Errorf("completed %d ms after it was submitted, want %s", d, jobTime)
	}
	if d := *j.Expires - *j.Submitted; d != kept.Milliseconds() {
		t.Errorf("expires %d ms after it was submitted, want %s", d, kept)
	}
}

// pages are the sizes of the pages that hold n conversations: one page at least, and none that is empty behind others.
func pages(n, size int) []int {
	sizes := []int{min(n, size)}
	for n -= size; n > 0; n -= size {
		sizes = append(sizes, min(n, size))
	}
	return sizes
}

func checkQuery(t *testing.T, p plan, all []truth, count int, got foundQuery) {
	t.Helper()
	want := only(startedOn(day))(all)
	for i := range want {
		want[i].Whole = withoutAttributes(want[i].Whole)
	}
	for page, hits := range got.TotalHits {
		if hits != count || hits != len(want) {
			t.Errorf("totalHits of page %d is %d, want %d", page+1, hits, count)
		}
	}
	if full := append(pages(len(want), p.QueryPageSize), 0); !slices.Equal(got.Pages, full) {
		t.Errorf("query pages of %v conversations, want %v", got.Pages, full)
	}
	checkConversations(t, want, got.Conversations)
}

// withoutAttributes returns a conversation as the query tells of it.
func withoutAttributes(whole any) any {
	c := maps.Clone(whole.(map[string]any))
	var without []any
	for _, p := range members(whole, "participants") {
		p := maps.Clone(p.(map[string]any))
		delete(p, "attributes")
		without = append(without, p)
	}
	c["participants"] = without
	return c
}

// checkConversations wants the conversations in this order, with their times, and with every member that the simulator
// wrote: one that is lost is one that the SDK's model does not have, or not so.
func checkConversations(t *testing.T, want []truth, got []conversation) {
	t.Helper()
	if len(got) != len(want) {
		t.Errorf("%d conversations, want %d", len(got), len(want))
		return
	}
	for i, c := range got {
		w := want[i]
		if c.ID != w.ID || c.Start == nil || *c.Start != w.Start || at(c.End) != at(w.End) {
			t.Fatalf("conversation %d is %s from %s to %s, want %s from %s to %s",
				i, c.ID, at(c.Start), at(c.End), w.ID, at(&w.Start), at(w.End))
		}
		if diff := cmp.Diff(w.Whole, c.Whole); diff != "" {
			t.Fatalf("conversation %s (- simulator, + SDK):\n%s", w.ID, diff)
		}
	}
}

func at(ms *int64) string {
	if ms == nil {
		return "never"
	}
	return time.UnixMilli(*ms).UTC().Format("2006-01-02T15:04:05.000Z")
}
