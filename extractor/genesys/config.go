package genesys

import (
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"
)

// The dialects.
const (
	DialectReports = "reports" // the guide's
	DialectJobs    = "jobs"    // the platform's public API
)

const (
	// MaxLimit is where the platform caps the rows of one query.
	MaxLimit = 10_000_000

	// defaultOverlap is how far a window's query reaches back into the window before, so
	// that a row on their common edge comes even if the platform leaves an edge out.
	defaultOverlap = time.Millisecond
)

// Config says whom to ask, as whom, and for what. Names in its errors are those of the
// configuration file.
type Config struct {
	Dialect string // one of the Dialect constants; what the platform answers decides nothing

	BaseURL  string // https; plain http for loopback hosts only
	TokenURL string

	ClientID     string
	ClientSecret string

	Filter []Filter // all have to hold

	// Dialect "reports" alone.
	Select  []string      // columns: known paths, neither wildcards nor whole objects
	Limit   int           // most rows of one job, 1 to MaxLimit
	Overlap time.Duration // whole milliseconds; 0 means 1 ms

	// Dialect "jobs" alone.
	PageSize int // rows of a results page, 1 or more

	HTTP *http.Client // nil means one of New's own
}

func checkURL(field, text string) error {
	u, err := url.Parse(text)
	switch {
	case err != nil:
		return fmt.Errorf("%s is no URL", field) // the text may hold a password
	case u.User != nil, u.RawQuery != "", u.Fragment != "":
		return fmt.Errorf("%s for host %q: want scheme, host and path only", field, u.Host)
	case u.Host == "" || u.Scheme != "https" && u.Scheme != "http":
		return fmt.Errorf("%s is %q: want an https URL, or set source.region", field, text)
	case u.Scheme == "http" && !loopback(u.Hostname()):
		return fmt.Errorf("%s is %q: credentials and customer data need https; plain http is for loopback hosts only", field, text)
	}
	return nil
}

func loopback(host string) bool {
	return host == "localhost" || net.ParseIP(host).IsLoopback()
}

// validate finds every problem there is.
func (c *Config) validate() error {
	errs := []error{checkURL("source.base_url", c.BaseURL), checkURL("source.token_url", c.TokenURL)}
	if c.ClientID == "" {
		errs = append(errs, errors.New("source.client_id is empty: want the id of an OAuth client with grant client credentials"))
	}
	if c.ClientSecret == "" {
		errs = append(errs, errors.New("source.client_secret is empty: set it, or source.client_secret_file"))
	}
	switch c.Dialect {
	case DialectReports:
		errs = append(errs, c.validateReports()...)
	case DialectJobs:
		if c.PageSize < 1 {
			errs = append(errs, fmt.Errorf("source.page_size is %d: want 1 or more", c.PageSize))
		}
		_, _, err := conditions(c.Filter)
		errs = append(errs, err)
	default:
		errs = append(errs, fmt.Errorf("source.dialect is %q: want %q or %q", c.Dialect, DialectReports, DialectJobs))
	}
	return errors.Join(errs...)
}

func (c *Config) validateReports() (errs []error) {
	if c.Limit < 1 || c.Limit > MaxLimit {
		errs = append(errs, fmt.Errorf("source.limit is %d: want 1 to %d, where the platform caps a query", c.Limit, MaxLimit))
	}
	if c.Overlap < 0 || c.Overlap%time.Millisecond != 0 {
		errs = append(errs, fmt.Errorf("window.overlap is %s: want whole milliseconds, 0 or more", c.Overlap))
	}
	_, err := clauses(c.Filter)
	return append(append(errs, err), checkSelect(c.Select)...)
}

// wholeObjects are sources that name no column but all that may ever be below them.
var wholeObjects = []string{"attributes", "attributes.custom", "metrics", "routing"}

func checkSelect(columns []string) (errs []error) {
	if len(columns) == 0 {
		return []error{errors.New("select is empty: want at least conversation.id and timestamp")}
	}
	for _, column := range columns {
		switch {
		case strings.TrimSpace(column) == "":
			errs = append(errs, errors.New("select has an empty entry: remove it"))
		case strings.Contains(column, "*"):
			errs = append(errs, fmt.Errorf("select entry %q is a wildcard: it grows with every custom attribute until the platform's job fails; name each attribute", column))
		case slices.Contains(wholeObjects, column):
			errs = append(errs, fmt.Errorf("select entry %q is a whole object: its size has no bound; name each field below it", column))
		}
	}
	return errs
}
