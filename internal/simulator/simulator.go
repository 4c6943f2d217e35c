package simulator

import (
	"cmp"
	"errors"
	"fmt"
	"net/http"
	"sync"
	"time"

	"convstream/internal/conv"
)

// The service account of a simulator that is given none.
const (
	DefaultClientID     = "convstream"
	DefaultClientSecret = "simulated"
)

// Config says what the platform holds and how it behaves.
type Config struct {
	Rows   int         // true rows
	Window conv.Window // over which they are spread
	Seed   uint64      // of rows, ids, spellings and faults

	ClientID     string // default DefaultClientID
	ClientSecret string // default DefaultClientSecret

	Faults Faults // zero for none
}

func (c Config) withDefaults() Config {
	c.ClientID = cmp.Or(c.ClientID, DefaultClientID)
	c.ClientSecret = cmp.Or(c.ClientSecret, DefaultClientSecret)
	c.Faults = c.Faults.withDefaults()
	return c
}

func (c Config) validate() error {
	var errs []error
	if c.Rows < 0 {
		errs = append(errs, fmt.Errorf("rows: %d is below 0", c.Rows))
	}
	if c.Window.From < 0 || c.Window.From >= c.Window.To {
		errs = append(errs, fmt.Errorf("window %s: must start in 1970 or later, and end behind its start", c.Window))
	}
	return errors.Join(append(errs, c.Faults.validate())...)
}

// Simulator is the platform. It is safe for concurrent use.
type Simulator struct {
	cfg   Config
	world *world
	mux   *http.ServeMux

	mu       sync.Mutex
	injector *injector
	tokens   map[string]time.Time // access tokens and when they end
	issued   int                  // tokens so far
	jobs     []*job               // in the order they were submitted

	lastMinute  minute // every request
	withinLimit minute // those that the limit let through
	stats       counters
}

// New returns a platform that holds cfg.Rows rows. Errors name the field of cfg, or the key
// of the faults file, that cannot be.
func New(cfg Config) (*Simulator, error) {
	if err := cfg.validate(); err != nil {
		return nil, fmt.Errorf("configure simulator: %w", err)
	}
	cfg = cfg.withDefaults()
	s := &Simulator{
		cfg:      cfg,
		world:    newWorld(cfg),
		mux:      http.NewServeMux(),
		injector: newInjector(cfg.Seed, cfg.Faults),
		tokens:   map[string]time.Time{},
		stats:    newCounters(),
	}
	s.mux.Handle("POST /oauth/token", s.operation(Token, nil, s.issueToken))
	s.mux.Handle("POST "+pathQuery, either(
		s.operation(Submit, reportRun, s.submit),
		s.operation(Query, detailView, s.queryDetails),
	))
	s.routeReports()
	s.routeJobs()
	s.routeSelf()
	return s, nil
}

// ServeHTTP answers one request. Where a fault cuts the connection it panics with
// [http.ErrAbortHandler], which net/http takes as the order to do so.
func (s *Simulator) ServeHTTP(w http.ResponseWriter, r *http.Request) { s.mux.ServeHTTP(w, r) }

// operation is what every request of an operation goes through: the limit, the bearer
// token, the permissions, of which the operation takes any one, the faults, and the count.
func (s *Simulator) operation(op Operation, need []string, answer func(*reply, *http.Request)) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		reply := newReply(w)
		defer func() { s.count(op, reply.outcome()) }() // also behind a cut
		reply.Header().Set("ININ-Correlation-Id", s.correlation())
		if s.cfg.Faults.ClockSkew != 0 {
			s.tally(faultSkew, 1)
			reply.Header().Set("Date", s.now().UTC().Format(http.TimeFormat))
		}
		if refusal := s.admit(op, need, reply, r); refusal != nil {
			refusal.write(reply)
			return
		}
		answer(reply, r)
		reply.finish()
	})
}

// admit lets a request in, with the damage that its answer is to have, or refuses it.
func (s *Simulator) admit(op Operation, need []string, reply *reply, r *http.Request) *apiError {
	s.mu.Lock()
	defer s.mu.Unlock()
	if refusal := s.throttle(time.Now()); refusal != nil {
		return refusal
	}
	if op != Token && !s.authorised(r) {
		return &unauthorised
	}
	if refusal := s.permitted(need); refusal != nil {
		return refusal
	}
	return s.inject(op, reply, r)
}

// inject lets the fault strike that is due, if one is. It returns the refusal that the
// fault answers instead of the operation. The caller holds the mutex.
func (s *Simulator) inject(op Operation, reply *reply, r *http.Request) *apiError {
	fault, d := s.injector.next(op)
	if fault == "" {
		return nil
	}
	s.stats.faults[fault]++
	switch fault {
	case faultTooMany:
		if d.oneIn(2) {
			return tooMany(s.cfg.Faults.RetryAfter)
		}
		return tooMany(-1)
	case faultUnavailable:
		return &unavailable
	case faultExpired:
		delete(s.tokens, bearer(r))
		return &unauthorised
	case faultGarbled, faultTruncated:
		reply.damage, reply.at = fault, d.below(s.cutBefore(op))
		return nil
	}
	reply.cut(d.below(s.cutBefore(op)))
	return nil
}

// cutBefore returns a number of bytes below the length of the operation's answers, so that
// a cut falls inside them. A results page may be shorter: it is cut at its end.
func (s *Simulator) cutBefore(op Operation) int {
	switch op {
	case Results:
		perRow := 200
		if s.cfg.Faults.Gzip {
			perRow = 100
		}
		return 1 + perRow*s.cfg.Faults.PageRows
	case Abort:
		return 1 // it has no body: the connection ends without an answer
	default:
		return 10
	}
}
