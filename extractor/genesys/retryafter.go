package genesys

import (
	"net/http"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// maxRetryAfter bounds what the platform may ask us to wait before it is asked again.
const maxRetryAfter = 15 * time.Minute

// retryMessage is where the platform says how long to wait when the header is missing.
var retryMessage = regexp.MustCompile(`[Rr]etry the request in \[(\d+)\] seconds`)

// retryAfter reads the header, as seconds or as a date, or else the message, or else when the
// limit that was hit has room again.
func retryAfter(h http.Header, message string, l limits) (time.Duration, bool) {
	value := strings.TrimSpace(h.Get("Retry-After"))
	if at, err := http.ParseTime(value); err == nil {
		return min(max(0, at.Sub(answered(h))), maxRetryAfter), true
	}
	said := []string{value}
	if m := retryMessage.FindStringSubmatch(message); m != nil {
		said = append(said, m[1])
	}
	for _, text := range append(said, l.reset) {
		if seconds, err := strconv.ParseUint(text, 10, 31); err == nil {
			return min(time.Duration(seconds)*time.Second, maxRetryAfter), true
		}
	}
	return 0, false
}

// answered is when an answer was given by the platform's clock, or by ours if it does not
// say.
func answered(h http.Header) time.Time {
	if at, err := http.ParseTime(h.Get("Date")); err == nil {
		return at
	}
	return time.Now()
}

// limits are what an answer's headers tell of the limit that was hit. The platform no longer
// promises them.
type limits struct {
	count, allowed uint64
	reset          string // seconds until there is room again
}

// limitsOf reads the headers of a 429. A limit with room left is not the one that was hit.
func limitsOf(resp *http.Response) (l limits) {
	if resp.StatusCode != http.StatusTooManyRequests {
		return l
	}
	l.reset = strings.TrimSpace(resp.Header.Get("inin-ratelimit-reset"))
	count, err := strconv.ParseUint(resp.Header.Get("inin-ratelimit-count"), 10, 64)
	if err != nil {
		return l
	}
	allowed, err := strconv.ParseUint(resp.Header.Get("inin-ratelimit-allowed"), 10, 64)
	switch {
	case err != nil:
		return l
	case count < allowed:
		return limits{}
	}
	l.count, l.allowed = count, allowed
	return l
}

// known says whether both figures came.
func (l limits) known() bool { return l.allowed > 0 }
