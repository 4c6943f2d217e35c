package config

import (
	"cmp"
	"fmt"
	"net"
	"net/url"
	"os"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/dustin/go-humanize"

	"convstream/extractor/genesys"
)

// The platform's limits, and ours.
const (
	lowLimit    = 500_000 // the band that suits the usual consumer
	highLimit   = 1_000_000
	minOverlap  = time.Millisecond
	minStep     = 2 * minOverlap
	maxStep     = 31 * 24 * time.Hour
	minNarrow   = time.Minute
	maxDeadline = 24 * time.Hour
	maxBatch    = 256 << 20
)

// validate checks every value, and completes those that follow from others.
func (l *loader) validate() {
	c := &l.config
	l.name("pipeline", c.Pipeline)
	l.source()
	l.window()
	l.routes()
	l.privacy()
	l.staging()
	l.kafka()
	l.registry()
	between(l, "commit.interval", c.Commit.Interval, time.Millisecond, time.Hour)
	between(l, "commit.bytes", c.Commit.Bytes, 1<<10, maxBatch)
	l.required("state_dir", c.StateDir)
	l.loopbackAddress("status.listen", c.Status.Listen)
	l.oneOf("log.level", c.Log.Level, "debug", "info", "warn", "error")
	l.oneOf("log.format", c.Log.Format, FormatJSON, FormatConsole)
	l.idle()
}

// Keys that have no effect in a dialect.
var idleIn = map[string][]string{
	DialectReports: {"source.page_size"},
	DialectJobs:    {"source.limit", "window.overlap", "window.lag"},
}

// idle warns of values that are checked, and that nothing acts on.
func (l *loader) idle() {
	standard := defaults()
	changed := func(key string) bool {
		return !reflect.DeepEqual(known[key].field(&l.config), known[key].field(&standard))
	}
	for _, key := range idleIn[l.config.Source.Dialect] {
		if changed(key) {
			l.warn(key, "has no effect in dialect %s", l.config.Source.Dialect)
		}
	}
	if len(l.config.Source.Filter) > 0 && l.config.Source.Dialect == DialectReports && l.config.Window.Reconcile {
		l.warn("source.filter", "the platform's count knows no filter in dialect reports, so every window stays unverified (exit 3); window.reconcile: false asks for no count")
	}
}

func (l *loader) source() {
	s := &l.config.Source
	l.name("source.org", s.Org)
	l.oneOf("source.dialect", s.Dialect, DialectReports, DialectJobs)
	l.locate()
	l.required("source.client_id", s.ClientID)
	l.secret("source.client_secret", &s.ClientSecret, &s.ClientSecretFile)
	l.filters()
	switch {
	case s.Limit > genesys.MaxLimit:
		l.problem("source.limit", "%d is above the platform's cap of %s; choose 1 to %d", s.Limit, humanize.Comma(genesys.MaxLimit), genesys.MaxLimit)
	case s.Limit < 1:
		l.problem("source.limit", "%d asks for no rows; choose 1 to %d", s.Limit, genesys.MaxLimit)
	case s.Dialect == DialectReports && (s.Limit < lowLimit || s.Limit > highLimit):
		l.warn("source.limit", "%d lies outside %s to %s, the band that suits most consumers; it is used as it stands",
			s.Limit, humanize.Comma(lowLimit), humanize.Comma(highLimit))
	}
	between(l, "source.page_size", s.PageSize, 1, 10_000)
	between(l, "source.concurrency", s.Concurrency, 1, 64)
	between(l, "source.requests_per_minute", s.RequestsPerMinute, 1, 10_000)
	l.doubling("source.poll", s.Poll.Initial, s.Poll.Max)
	between(l, "source.poll.jitter", s.Poll.Jitter, 0, maxDeadline)
	between(l, "source.poll.deadline", s.Poll.Deadline, time.Millisecond, maxDeadline)
	l.doubling("source.retry", s.Retry.Initial, s.Retry.Max)
}

// doubling checks a wait that doubles from initial to most. Where they cross, the one that
// was given last is wrong.
func (l *loader) doubling(section string, initial, most time.Duration) {
	initialKey, maxKey := section+".initial", section+".max"
	between(l, initialKey, initial, time.Millisecond, maxDeadline)
	between(l, maxKey, most, time.Millisecond, maxDeadline)
	switch {
	case initial <= most:
	case l.later(initialKey, maxKey):
		l.problem(initialKey, "%s is above %s, which is %s; lower the first or raise the second", initial, maxKey, most)
	default:
		l.problem(maxKey, "%s is below %s, which is %s; raise the first or lower the second", most, initialKey, initial)
	}
}

func (l *loader) window() {
	w := &l.config.Window
	l.span("window.step", w.Step, minStep, maxStep)
	if day := 24 * time.Hour; l.config.Source.Dialect == DialectJobs && !l.wrong["window.step"] && day%w.Step != 0 && w.Step%day != 0 {
		l.problem("window.step", "%s neither divides a day nor is whole days, by which the platform counts in dialect jobs; choose one such as 1h, 6h, 24h or 48h", w.Step)
	}
	if w.Overlap < minOverlap {
		l.problem("window.overlap", "%s has one window alone ask for the edge it shares with another, and a row on the edge may be lost; choose at least %s",
			w.Overlap, minOverlap)
	} else if !l.wrong["window.step"] {
		l.span("window.overlap", w.Overlap, minOverlap, w.Step-time.Millisecond)
	}
	l.span("window.lag", w.Lag, 0, maxStep)
	l.span("window.settle", w.Settle, 0, maxStep)
	l.narrowDefault()
	for i, n := range w.Narrow {
		l.narrow(n)
		if i > 0 && n >= w.Narrow[i-1] {
			l.problem("window.narrow", "%s comes after %s; list ever shorter windows, such as [6h, 1h]", n, w.Narrow[i-1])
		}
	}
	between(l, "window.reconcile_threshold", w.ReconcileThreshold, 0, 1)
}

// narrowDefault leaves those widths out of the default that the overlap leaves no use for.
func (l *loader) narrowDefault() {
	w := &l.config.Window
	if l.layers["window.narrow"] > 0 {
		return
	}
	w.Narrow = slices.DeleteFunc(w.Narrow, func(n time.Duration) bool {
		within := l.withinOverlap(n)
		if within {
			l.warn("window.overlap", "%s leaves %s out of the default of window.narrow, which is no longer", w.Overlap, n)
		}
		return within
	})
}

// withinOverlap says that a width is no longer than what windows ask for beside their own, in the
// dialect where they do.
func (l *loader) withinOverlap(n time.Duration) bool {
	return l.config.Source.Dialect != DialectJobs && !l.wrong["window.overlap"] && n <= l.config.Window.Overlap
}

// narrow checks a width that windows are cut into. Each piece costs a job, and what it asks for
// starts the overlap earlier.
func (l *loader) narrow(n time.Duration) {
	if n < minNarrow {
		remedy := fmt.Sprintf("choose at least %s", minNarrow)
		if l.config.Source.Dialect != DialectJobs {
			remedy += ", or raise source.limit"
		}
		l.problem("window.narrow", "%s would cut a day into more than 1440 windows, and each of them is a job; %s", n, remedy)
		return
	}
	l.span("window.narrow", n, minNarrow, maxStep)
	if l.withinOverlap(n) {
		l.problem("window.narrow", "%s is no longer than window.overlap, which is %s: such a window would mostly ask for rows of others; choose a longer one, or a shorter overlap", n, l.config.Window.Overlap)
	}
}

// span checks a duration that moves the bounds of windows, which are whole milliseconds.
func (l *loader) span(key string, d, lo, hi time.Duration) {
	between(l, key, d, lo, hi)
	if d%time.Millisecond != 0 {
		l.problem(key, "%s is finer than a millisecond; instants are counted in milliseconds, so write whole ones", d)
	}
}

// between checks lo <= v <= hi.
func between[T cmp.Ordered](l *loader, key string, v, lo, hi T) {
	if v < lo || v > hi {
		l.problem(key, "%v is out of range; choose %v to %v", v, lo, hi)
	}
}

func (l *loader) required(key, v string) {
	switch {
	case v != "":
	case strings.Contains(key, "["): // a member of a list, which has no variable of its own
		l.problem(key, "missing; give it here")
	default:
		l.problem(key, "missing; give it here or in %s", variable(key))
	}
}

var namePattern = regexp.MustCompile(`^[A-Za-z0-9._-]{1,100}$`)

// staging checks where pages are kept, as far as the text tells. It quotes the scheme and the
// host alone: the rest of a URL may hold a secret.
func (l *loader) staging() {
	const forms = "file:///FOLDER, s3://BUCKET, gs://BUCKET or azblob://CONTAINER"
	raw := l.config.Staging.URL
	u, err := url.Parse(raw)
	switch {
	case raw == "":
	case err != nil || u.Scheme == "":
		l.problem("staging.url", "is no URL; write it as %s", forms)
	case u.User != nil:
		l.problem("staging.url", "holds a user or password; credentials come from the provider's own environment and files")
	case !slices.Contains([]string{"file", "s3", "gs", "azblob"}, u.Scheme):
		l.problem("staging.url", "%s:// is no storage that convstream knows; write it as %s", u.Scheme, forms)
	case u.Scheme == "file" && u.Host != "":
		l.problem("staging.url", "file://%s names a host, and no folder; write it with three slashes, as file:///FOLDER", u.Host)
	case u.Scheme == "file" && strings.Trim(u.Path, "/") == "":
		l.problem("staging.url", "names no folder; write it as file:///FOLDER")
	case u.Scheme != "file" && u.Host == "":
		l.problem("staging.url", "%s:// names no bucket; write it as %s", u.Scheme, forms)
	}
}

// name checks what becomes part of ledger keys and of the transactional id, whose separator
// is the slash.
func (l *loader) name(key, v string) {
	l.required(key, v)
	if !namePattern.MatchString(v) {
		l.problem(key, "%q is no name; use up to 100 letters, digits, dots, dashes and underscores", v)
	}
}

func (l *loader) oneOf(key, v string, words ...string) {
	if !slices.Contains(words, v) {
		l.problem(key, "%q is not known; choose %s", v, strings.Join(words, ", "))
	}
}

// secret checks the secret of key, and takes it from its file where that is given or wins.
func (l *loader) secret(key string, s *Secret, file *string) {
	fileKey := key + "_file"
	switch {
	case *file == "" && s.Reveal() == "":
		l.problem(key, "missing; give it here, in %s, or as a file in %s", variable(key), fileKey)
	case *file == "":
	case s.Reveal() == "", l.later(fileKey, key):
		*s = l.readSecret(fileKey, *file)
	case l.later(key, fileKey):
		*file = ""
	default:
		l.problem(key, "%s is given too; keep one of them", fileKey)
	}
}

func (l *loader) readSecret(key, file string) Secret {
	text, err := os.ReadFile(file)
	if err != nil {
		l.problem(key, "%w; name a file that can be read", err)
		return Secret{}
	}
	if info, err := os.Stat(file); err == nil && info.Mode().Perm()&0o007 != 0 {
		l.warn(key, "%s can be read by everyone on this machine; chmod 600 it", file)
	}
	s := NewSecret(strings.TrimRight(string(text), "\r\n"))
	if s.Reveal() == "" {
		l.problem(key, "%s is empty; write the secret into it", file)
	}
	return s
}

// address checks the URL of a server that is sent credentials, unless anonymous: plain HTTP
// would show them to the network, so that it may only lead to this machine. Its problems
// quote the scheme and the host, as the rest of a URL may hold a password.
func (l *loader) address(key, raw string, anonymous bool) {
	u, err := url.Parse(raw)
	switch {
	case err != nil || u.Hostname() == "":
		l.problem(key, "is no URL; write it as https://HOST[:PORT]")
	case u.User != nil:
		l.problem(key, "holds a user or password; URLs are logged, so take them out of it")
	case u.RawQuery != "" || u.Fragment != "":
		l.problem(key, "holds a query or fragment; end it after the path")
	case u.Scheme == "https":
	case u.Scheme != "http":
		l.problem(key, "%s://%s is not https; write https://", u.Scheme, u.Host)
	case !anonymous && !isLoopback(u.Hostname()):
		l.problem(key, "http://%s would send credentials in clear text; write https:// (plain http is for this machine only)", u.Host)
	}
}

func isLoopback(host string) bool {
	return host == "localhost" || net.ParseIP(host).IsLoopback()
}

func (l *loader) loopbackAddress(key, v string) {
	host, err := splitAddress(v)
	if err != nil {
		l.problem(key, "%w", err)
	} else if !isLoopback(host) {
		l.problem(key, "%s is open to the network; listen on 127.0.0.1", v)
	}
}

// splitAddress takes the host out of host:port.
func splitAddress(v string) (host string, err error) {
	host, port, err := net.SplitHostPort(v)
	if err == nil {
		_, err = strconv.ParseUint(port, 10, 16)
	}
	if err != nil || host == "" {
		return "", fmt.Errorf("%q is no address; write it as HOST:PORT", v)
	}
	return host, nil
}
