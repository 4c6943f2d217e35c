package simulator

import (
	"math"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"
)

// The permissions that operations take, any one of those listed together.
var (
	reportRun    = []string{"analytics:report:run"}
	reportView   = []string{"analytics:report:view"}
	reportDelete = []string{"analytics:report:delete"}
	detailView   = []string{"analytics:conversationDetail:view", "analytics:agentConversationDetail:view"}
	// The watermark is told to those only who may see every conversation.
	detailAvailability = detailView[:1]

	permissions = slices.Concat(reportRun, reportView, reportDelete, detailView)
)

// permitted refuses an operation for which the client's role has no permission, or the
// organisation no licence. The caller holds the mutex.
func (s *Simulator) permitted(need []string) *apiError {
	f := &s.cfg.Faults
	if len(need) == 0 {
		return nil
	}
	if f.MissingLicence {
		s.stats.faults[faultLicence]++
		return &apiError{
			Status: http.StatusForbidden, Code: "not.authorized",
			Message: "You are not authorized to perform the requested action. The organization has no license for it.",
		}
	}
	for _, p := range need {
		if !slices.Contains(f.MissingPermissions, p) {
			return nil
		}
	}
	s.stats.faults[faultPermissions]++
	names := "[" + strings.Join(need, ", ") + "]"
	code, text := "missing.permissions", "Unable to perform the requested action. You are missing the following permission(s): "
	if len(need) > 1 {
		code, text = "missing.any.permissions", "Unable to perform the requested action. You must have at least one of the following permissions assigned: "
	}
	return &apiError{
		Status: http.StatusForbidden, Code: code, Message: text + names,
		MessageWithParams: text + "{permissions}", MessageParams: map[string]string{"permissions": names},
	}
}

// How a limit tells a client to wait, as the faults file names it.
const (
	limitRetryAfter = "retry_after" // the header Retry-After, and the sentence in the message
	limitMessage    = "message"     // the sentence alone
	limitHeaders    = "headers"     // inin-ratelimit-count, -allowed and -reset
)

var limitAnswers = []string{limitRetryAfter, limitMessage, limitHeaders}

// over is the refusal of a request that runs into the limit, for some seconds to come.
func (s *Simulator) over(l limit, count, seconds int) *apiError {
	e := tooMany(seconds)
	e.Limit = &l
	switch s.cfg.Faults.LimitAnswer {
	case limitMessage:
		e.headers = nil
	case limitHeaders:
		e = tooMany(-1)
		e.Limit = &l
		e.headers = map[string]string{
			"inin-ratelimit-count":   strconv.Itoa(count),
			"inin-ratelimit-allowed": strconv.Itoa(l.Value),
			"inin-ratelimit-reset":   strconv.Itoa(seconds),
		}
	}
	return e
}

// throttle counts a request, and refuses it if the last minute had as many answered ones as
// there may be. The caller holds the mutex.
func (s *Simulator) throttle(now time.Time) *apiError {
	s.lastMinute.at(now)
	s.lastMinute.add(now)
	s.stats.busiest = max(s.stats.busiest, len(s.lastMinute.times))
	most := s.cfg.Faults.RequestsPerMinute
	if most == 0 {
		return nil
	}
	if n := s.withinLimit.at(now); n >= most {
		s.stats.faults[faultPerMinute]++
		wait := s.withinLimit.times[n-most].Add(time.Minute).Sub(now)
		return s.over(limit{"client.credentials.token.rate.per.minute", "platform.api", most}, n, int(math.Ceil(wait.Seconds())))
	}
	s.withinLimit.add(now)
	return nil
}

// crowded refuses another job while as many as there may be are not finished. The caller
// holds the mutex.
func (s *Simulator) crowded() *apiError {
	most := s.cfg.Faults.JobsInFlight
	if most == 0 {
		return nil
	}
	now, n := time.Now(), 0
	for _, j := range s.jobs {
		if j.known(now) && j.phase(now, s.cfg.Faults.JobTime) <= strange {
			n++
		}
	}
	if n < most {
		return nil
	}
	s.stats.faults[faultInFlight]++
	return s.over(limit{"details.jobs.concurrent.access.max", "analytics.data.extraction", most}, n, max(1, s.cfg.Faults.RetryAfter))
}
